"""What Prometheus reads at ``/metrics``: of one process, or of all that share a folder of numbers."""

import os
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from tagalign.apps.server.workers.plan import NUMBERS_FOLDER

LATENCIES_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
BATCHES = (1, 2, 4, 8, 16, 32, 64)


class Metrics:
    """Counters of one server; a registry of their own, so that several servers fit into one process.

    Where ``NUMBERS_FOLDER`` is set, the page is that of all processes together: counters are added, those of ended ones too.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "tagalign_requests_total",
            "Requests by path and status.",
            ["path", "status"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "tagalign_request_seconds",
            "From the first byte of a request to the last of its answer.",
            ["path"],
            buckets=LATENCIES_S,
            registry=self.registry,
        )
        self.in_flight = Gauge(
            "tagalign_requests_in_flight",
            "Requests being answered.",
            registry=self.registry,
            multiprocess_mode="livesum",
        )
        self.waiting = Gauge(
            "tagalign_queue_length",
            "Images that wait for the model.",
            registry=self.registry,
            multiprocess_mode="livesum",
        )
        self.batch = Histogram(
            "tagalign_batch_images", "Images encoded together.", buckets=BATCHES, registry=self.registry
        )

    def page(self) -> bytes:
        """All values in Prometheus' text form."""
        folder = os.environ.get(NUMBERS_FOLDER)
        if folder is None:
            return generate_latest(self.registry)
        everyone = CollectorRegistry()
        MultiProcessCollector(everyone, folder)  # type: ignore[no-untyped-call]
        return generate_latest(everyone)


def forget_process(pid: int, folder: Path) -> None:
    """What a process that has ended was doing is not being done any more; what it counted stays."""
    mark_process_dead(pid, str(folder))  # type: ignore[no-untyped-call]
