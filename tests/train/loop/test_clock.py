"""Seconds per stage with a clock of our own: each stage has what passed since the last mark, a report starts anew."""

import torch

from tagalign.train.loop import clock
from tagalign.train.loop.clock import StepClock


def test_time_belongs_to_the_stage_that_ends(monkeypatch):
    now = 100.0
    monkeypatch.setattr(clock.time, "perf_counter", lambda: now)
    steps = StepClock(torch.device("cpu"))
    now += 2
    steps.mark("encoder")
    now += 3
    steps.mark("loss")
    now += 50  # nobody's: a validation, say
    steps.start()
    now += 4
    steps.mark("encoder")
    steps.add("data", 0.5)
    steps.add("data", 0.25)
    assert steps.report() == {"encoder": 6.0, "loss": 3.0, "data": 0.75}
    assert steps.report() == {}
