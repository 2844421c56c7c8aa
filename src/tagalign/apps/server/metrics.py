"""What Prometheus reads at ``/metrics``."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

LATENCIES_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
BATCHES = (1, 2, 4, 8, 16, 32, 64)


class Metrics:
    """Counters of one server; a registry of their own, so that several servers fit into one process."""

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
            "tagalign_requests_in_flight", "Requests being answered.", registry=self.registry
        )
        self.waiting = Gauge(
            "tagalign_queue_length", "Images that wait for the model.", registry=self.registry
        )
        self.batch = Histogram(
            "tagalign_batch_images", "Images encoded together.", buckets=BATCHES, registry=self.registry
        )

    def page(self) -> bytes:
        """All values in Prometheus' text form."""
        return generate_latest(self.registry)
