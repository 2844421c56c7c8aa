"""The same labelling on a Ray cluster: one actor per model, one part at a time; Ray Data does the rest."""

from collections.abc import Iterator
from typing import Any

from tagalign.tags.ray_cluster import ray_cluster
from tagalign.tasks.photos.job import JobSpec
from tagalign.tasks.photos.run import LabelRun, label_part


class PartLabeller:
    """An actor: opens the model once and labels the parts it is given."""

    def __init__(self, spec: JobSpec, run: LabelRun) -> None:
        self.job = spec.open()
        self.run = run

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[int]]:
        """Label parts; returns how many images were labelled and failed in each."""
        done, failed = [], []
        for number in batch["part"]:
            results = [labelled.error is None for labelled in label_part(self.run, self.job, int(number))]
            done.append(sum(results))
            failed.append(len(results) - sum(results))
        return {"done": done, "failed": failed}


def label_many_on_ray(
    spec: JobSpec, run: LabelRun, *, models: int, gpus: float = 0.0, address: str | None = None
) -> Iterator[tuple[int, int]]:
    """Label what is pending; yields ``(labelled, failed)`` of every part.

    Args:
        spec: what is to be done.
        run: from ``open_run``; its folder must be shared by all machines.
        models: actors, each with a model of its own.
        gpus: per actor.
        address: see ``ray_cluster``.

    Raises:
        MissingExtraError: without Ray, if something is pending.
        ServerError: if no cluster answers at the address.
    """
    parts = [{"part": number} for number in run.pending()]
    if not parts:
        return
    with ray_cluster(address) as ray:
        data = ray.data.from_items(parts, override_num_blocks=len(parts)).map_batches(
            PartLabeller,
            fn_constructor_args=(spec, run),
            batch_size=1,
            concurrency=models,
            num_gpus=gpus or None,
        )
        for row in data.iter_rows():
            yield row["done"], row["failed"]
