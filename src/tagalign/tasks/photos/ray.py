"""The same run on a Ray cluster: one actor per model, one part at a time; Ray Data does the rest."""

from collections.abc import Iterator
from typing import Any

from tagalign.tags.ray_cluster import ray_cluster
from tagalign.tasks.photos.job import JobSpec
from tagalign.tasks.photos.run import PhotoRun, answer_part
from tagalign.tasks.photos.sinks import Sink


class PartWorker:
    """An actor: opens the model once and answers the parts it is given."""

    def __init__(self, spec: JobSpec, run: PhotoRun, sink: Sink) -> None:
        self.job = spec.open()
        self.run = run
        self.sink = sink

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[int]]:
        """Answer parts; returns how many photos were answered and failed in each."""
        done, failed = [], []
        for number in batch["part"]:
            results = [a.error is None for a in answer_part(self.run, self.job, int(number), self.sink)]
            done.append(sum(results))
            failed.append(len(results) - sum(results))
        return {"done": done, "failed": failed}


def answer_run_on_ray(
    spec: JobSpec, run: PhotoRun, sink: Sink, *, models: int, gpus: float = 0.0, address: str | None = None
) -> Iterator[tuple[int, int]]:
    """Answer what is pending; yields ``(answered, failed)`` of every part.

    Args:
        spec: what is to be done.
        run: from ``open_run``; its folder must be shared by all machines.
        sink: what is kept of the answers.
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
            PartWorker,
            fn_constructor_args=(spec, run, sink),
            batch_size=1,
            concurrency=models,
            num_gpus=gpus or None,
        )
        for row in data.iter_rows():
            yield row["done"], row["failed"]
