"""Schedules, the metrics log, the loss guard and signals: the parts every training loop shares.

Holds ``train/loop/log.py``, ``train/loop/guards.py``.
"""

import json
import math
import os
import signal

import pytest
import torch

from tagalign.errors import UnknownNameError
from tagalign.train.loop.guards import LossGuard, TrainingFault, stop_on_signals
from tagalign.train.loop.log import MetricsLog, read_metrics
from tagalign.train.loop.schedule import scheduled_rate, set_rate


def test_schedules_have_their_known_values():
    rates = [
        scheduled_rate(1.0, s, steps=10, schedule="cosine", warmup=2, final=0.1) for s in (0, 1, 2, 6, 10)
    ]
    assert rates == pytest.approx([0.5, 1.0, 1.0, 0.55, 0.1])
    assert scheduled_rate(2.0, 5, steps=10, schedule="linear") == pytest.approx(1.0)
    assert {scheduled_rate(1e-3, s, steps=10) for s in range(12)} == {1e-3}
    with pytest.raises(UnknownNameError, match="'step'"):
        scheduled_rate(1.0, 5, steps=10, schedule="step")


def test_rate_factor_of_a_group_is_kept():
    weights = [torch.nn.Parameter(torch.ones(1)) for _ in range(2)]
    optimizer = torch.optim.SGD(
        [{"params": weights[:1]}, {"params": weights[1:], "rate_factor": 0.1}], lr=1.0
    )
    set_rate(optimizer, 0.5)
    assert [group["lr"] for group in optimizer.param_groups] == pytest.approx([0.5, 0.05])


def test_resumed_log_has_every_step_once(tmp_path):
    path = tmp_path / "metrics.jsonl"
    log = MetricsLog(path)
    for step in (1, 2, 3):
        log.write(step, {"loss": torch.tensor(float(step)), "worst": math.inf})
    log.close()
    path.write_text(path.read_text() + '{"step": 4, "lo')  # killed while writing
    log = MetricsLog(path, resume_step=2)
    log.write(3, {"loss": 30.0})
    log.close()
    assert [(row["step"], row["loss"]) for row in read_metrics(path)] == [(1, 1.0), (2, 2.0), (3, 30.0)]
    assert json.loads(path.read_text().splitlines()[0])["worst"] is None


@pytest.mark.parametrize("bad", [math.nan, math.inf, 500.0])
def test_guard_stops_on_a_bad_loss_only(bad):
    guard = LossGuard(factor=20.0, window=3)
    guard.check(1, 400.0)  # too early to call it an explosion
    guard = LossGuard(factor=20.0, window=3)
    for step in range(5):
        guard.check(step, 5.0)
    copy = LossGuard(factor=20.0, window=3)
    copy.restore(guard.state())
    copy.check(5, 90.0)
    with pytest.raises(TrainingFault, match="step 5"):
        guard.check(5, bad)


def test_first_signal_asks_and_the_handler_comes_back():
    before = signal.getsignal(signal.SIGTERM)
    with stop_on_signals() as stop:
        assert not stop
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop
        assert stop.signal_number == signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) is before
