"""The same run on a Ray cluster: one actor per model, one part at a time; Ray Data does the rest.

A worker that is lost, with its machine or killed, is started again or another takes its part: a part appears whole or not at
all, and has the same bytes whoever writes it.
"""

import logging
from collections.abc import Iterator
from typing import Any

from tagalign.errors import ServerError, TagalignError
from tagalign.tags.ray_cluster import ray_cluster
from tagalign.tasks.photos.job import JobSpec
from tagalign.tasks.photos.run import PhotoRun, answer_part
from tagalign.tasks.photos.sinks import Sink

RETRIES = 3
"""Times that a part is begun again after its worker was lost. Ray would try for ever, and a photo whose decoding kills its
process would keep a cluster busy."""


class PartWorker:
    """An actor: opens the model once and answers the parts it is given."""

    def __init__(self, spec: JobSpec, run: PhotoRun, sink: Sink) -> None:
        self.job = spec.open()
        self.run = run
        self.sink = sink

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[Any]]:
        """Answer parts; returns how many photos were answered and failed in each, and what no photo can be answered for."""
        found: dict[str, list[Any]] = {"done": [], "failed": [], "error": []}
        for number in batch["part"]:
            results: list[bool] = []
            said = ""
            try:
                results += [a.error is None for a in answer_part(self.run, self.job, int(number), self.sink)]
            except TagalignError as error:  # Ray would wrap it, and keep its text alone
                said = str(error)
            found["done"].append(sum(results))
            found["failed"].append(len(results) - sum(results))
            found["error"].append(said)
        return found


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
        ServerError: if no cluster answers at the address, or the workers of one part are lost again and again.
        TagalignError: what a worker says that no photo can be answered for.
    """
    parts = [{"part": number} for number in run.pending()]
    if not parts:
        return
    with ray_cluster(address) as ray:
        ray.data.DataContext.get_current().enable_progress_bars = False  # the verb shows its own
        logging.getLogger("ray.data").setLevel(logging.WARNING)
        data = ray.data.from_items(parts, override_num_blocks=len(parts)).map_batches(
            PartWorker,
            fn_constructor_args=(spec, run, sink),
            batch_size=1,
            concurrency=models,
            num_gpus=gpus or None,
            max_restarts=-1,
            max_task_retries=RETRIES,
        )
        try:
            for row in data.iter_rows():
                if row["error"]:
                    raise TagalignError(row["error"])
                yield row["done"], row["failed"]
        except ray.exceptions.RayError as error:
            raise _lost(error) from error


def _lost(error: Exception) -> ServerError:
    first = str(error).strip().partition("\n")[0]
    return ServerError(
        f"a worker of the Ray cluster failed or was lost {RETRIES + 1} times in one part ({first}); what is written stays, "
        "the same command goes on there; fewer --ray-models or a smaller --batch-size need less memory"
    )
