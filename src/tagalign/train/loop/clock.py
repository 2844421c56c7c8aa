"""Where the time of a step goes: data, encoder, projector, loss, backward, update. Knows no method."""

import time
from collections import defaultdict

import torch


class StepClock:
    """Seconds per stage since the last report.

    On CUDA the stages are measured on the device by events, so that launching work early does not look like speed.
    """

    def __init__(self, device: torch.device) -> None:
        self._cuda = device.type == "cuda"
        self._seconds: dict[str, float] = defaultdict(float)
        self._events: list[tuple[str, torch.cuda.Event]] = []
        self._last = 0.0
        self.start()

    def start(self) -> None:
        """Begin a stage; what happened since the last mark belongs to none."""
        self._mark("")

    def mark(self, stage: str) -> None:
        """End a stage: the time since the last call is its own."""
        self._mark(stage)

    def add(self, stage: str, seconds: float) -> None:
        """Count host time, e.g. that spent waiting for data."""
        self._seconds[stage] += seconds

    def _mark(self, stage: str) -> None:
        if self._cuda:
            event = torch.cuda.Event(enable_timing=True)
            event.record()
            self._events.append((stage, event))
            return
        now = time.perf_counter()
        if stage:
            self._seconds[stage] += now - self._last
        self._last = now

    def report(self) -> dict[str, float]:
        """Seconds per stage since the last report; waits for the device."""
        if self._cuda and self._events:
            self._events[-1][1].synchronize()
            for (_, before), (stage, after) in zip(self._events, self._events[1:], strict=False):
                if stage:
                    self._seconds[stage] += before.elapsed_time(after) / 1000
            self._events = self._events[-1:]
        seconds, self._seconds = dict(self._seconds), defaultdict(float)
        return seconds
