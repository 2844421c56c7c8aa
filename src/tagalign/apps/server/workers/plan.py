"""How many processes answer, what each of them gets, and how they begin."""

from dataclasses import dataclass

from tagalign.cores import ProcessStart, share_of_threads, threads_now, worker_start
from tagalign.errors import InputError

NUMBERS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""Variable with the folder in which several processes keep their numbers. Prometheus' client reads it when it is imported,
so it is named where nothing imports that."""


@dataclass(frozen=True, kw_only=True)
class WorkerPlan:
    """What is decided before the first process starts.

    Attributes:
        count: of processes.
        threads: that compute together in each of them.
        devices: of each.
        start: forked from a process that has loaded the model, so that they share its weights; or anew, each with its own.
    """

    count: int
    threads: int
    devices: tuple[str, ...]
    start: ProcessStart

    @property
    def shares_model(self) -> bool:
        """Whether it is loaded once, before the processes begin."""
        return self.start != "spawn"


def plan_workers(count: int, *, device: str, gpus: int) -> WorkerPlan:
    """Share cores, or give each process a GPU of its own.

    Args:
        count: of processes.
        device: ``cpu``, or ``cuda`` for the GPUs.
        gpus: how many there are.

    Raises:
        InputError: for fewer than one, or more than there are threads or GPUs for.
    """
    if count < 1:
        raise InputError(f"--workers must be at least 1, got {count}")
    if device == "cuda" and count > 1:
        if count > gpus:
            raise InputError(f"--workers {count}: each takes a GPU of its own, and PyTorch sees {gpus}")
        # a process that has used CUDA cannot be forked
        return WorkerPlan(
            count=count,
            threads=share_of_threads(count),
            devices=tuple(f"cuda:{i}" for i in range(count)),
            start="spawn",
        )
    if count > max(1, threads_now()):
        raise InputError(
            f"--workers {count}: there are threads for {threads_now()} (the cores that this process may use, or "
            "--threads); more would only wait for each other"
        )
    return WorkerPlan(
        count=count, threads=share_of_threads(count), devices=(device,) * count, start=worker_start()
    )
