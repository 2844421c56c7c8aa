"""What a run leaves: its best weights by either sign, lines of its log, a faulty batch; and nothing of other processes."""

import json

import pytest
import torch

from tagalign.data.processes import Processes
from tagalign.train.loop.guards import TrainingFault
from tagalign.train.loop.plan import TrainPlan
from tagalign.train.loop.record import Record

STATE = {"weight": torch.ones(2)}


def record(folder, *, best="miou", rank=0, world=1):
    return Record(folder, TrainPlan(steps=9, batch_size=2, best=best), Processes(rank=rank, size=world))


@pytest.mark.parametrize(
    ("best", "values", "kept"),
    [
        ("miou", [1.0, 3.0, 2.0, 3.0], 3.0),
        ("-loss", [4.0, 1.0, 2.0], -1.0),
        ("miou", [float("nan"), 2.0], 2.0),
    ],
)
def test_the_best_is_the_highest_or_the_lowest_and_never_no_number(tmp_path, best, values, kept):
    run = record(tmp_path, best=best)
    saved = []
    run.checkpoints.save_best = lambda step, state: saved.append((step, state["value"]))
    for step, value in enumerate(values):
        run.keep_best(step, {best.lstrip("-"): value}, STATE)
    run.keep_best(99, {"other": 100.0}, STATE)
    assert run.best == kept
    assert saved[-1][1] == abs(kept)
    assert len({step for step, _ in saved}) == len(saved)


def test_only_the_first_process_writes(tmp_path):
    other = record(tmp_path / "other", rank=1, world=2)
    other.open(0)
    other.write(1, {"loss": 1.0})
    other.save(1, STATE)
    other.close()
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    first = record(tmp_path / "first", world=2)
    first.open(0)
    first.write(1, {"loss": 1.5})
    first.close()
    (line,) = (tmp_path / "first/metrics.jsonl").read_text().splitlines()
    assert json.loads(line)["loss"] == 1.5


def test_a_faulty_batch_is_written_and_named(tmp_path):
    fault = record(tmp_path, rank=1, world=2).keep_fault(7, TrainingFault("loss is nan"), STATE)
    assert "loss is nan" in str(fault)
    assert "fault-step-7-rank-1.safetensors" in str(fault)
    assert (tmp_path / "fault-step-7-rank-1.safetensors").is_file()


def test_without_a_folder_nothing_is_kept_and_nothing_fails():
    run = record(None)
    run.open(0)
    run.write(1, {"loss": 1.0})
    run.save(1, STATE)
    run.keep_best(1, {"miou": 1.0}, STATE)
    run.close()
    fault = TrainingFault("x")
    assert run.keep_fault(1, fault, STATE) is fault
    assert run.best == 1.0
