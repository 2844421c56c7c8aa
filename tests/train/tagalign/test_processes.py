"""Whole processes: killed at any moment, asked to stop, or two of them instead of one."""

import signal
import socket
import time
from pathlib import Path

import pytest
import torch
from forked_runs import start_run
from safetensors.torch import load_file

from tagalign.train.loop.log import read_metrics
from tagalign.train.tagalign.plan import TagAlignPlan, TrainingPairs
from tagalign.train.tagalign.training import train_tagalign

CHILD = Path(__file__).parent / "child_run.py"
STEPS = 14
TIMEOUT_S = 300  # a busy machine; an idle one needs ten seconds

pytestmark = pytest.mark.slow


def start(clip, out, pause=0.0, **env):
    said = Path(f"{out}-{env.get('RANK', 0)}.txt")
    return start_run(CHILD.read_text(), clip, out, STEPS, pause, said=said, **env)


def wait_for_steps(out, count):
    """Until the log of a run has so many lines."""
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        log = Path(out) / "metrics.jsonl"
        if log.exists() and len(read_metrics(log)) >= count:
            return
        time.sleep(0.05)
    raise AssertionError(f"no {count} steps after {TIMEOUT_S} s")


def finish(child):
    assert child.wait(TIMEOUT_S) == 0, child.errors()[-2000:]


@pytest.fixture
def single(backbone, pairs, vocabulary, tmp_path):
    """The weights of an undisturbed run in this process."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # like the children: sums of several threads differ in the last bit
    train_tagalign(
        backbone,
        TrainingPairs(pairs=pairs, vocabulary=vocabulary),
        TagAlignPlan(steps=STEPS, batch_size=8, checkpoint_every=3),
        out_dir=tmp_path / "single",
    )
    torch.set_num_threads(threads)
    return load_file(tmp_path / "single" / "model.safetensors")


def test_a_killed_run_ends_bit_identical_to_an_undisturbed_one(clip_folder, single, tmp_path):
    out = tmp_path / "killed"
    for count in (5, 10):
        child = start(clip_folder, out, pause=0.3)
        wait_for_steps(out, count)
        child.send_signal(signal.SIGKILL)
        assert child.wait(TIMEOUT_S) == -signal.SIGKILL
        assert not (out / "config.json").exists()
    done = max(int(p.stem.split("-")[1]) for p in out.glob("checkpoints/step-*"))
    assert done >= 10 - 3  # at most the steps since the last checkpoint are lost
    finish(start(clip_folder, out))
    weights = load_file(out / "model.safetensors")
    assert all(torch.equal(weights[name], value) for name, value in single.items())
    assert [row["step"] for row in read_metrics(out / "metrics.jsonl")] == list(range(1, STEPS + 1))


def test_sigterm_saves_and_exits(clip_folder, single, tmp_path):
    out = tmp_path / "stopped"
    child = start(clip_folder, out, pause=0.3)
    wait_for_steps(out, 4)
    child.send_signal(signal.SIGTERM)
    finish(child)
    last = max(int(p.stem.split("-")[1]) for p in out.glob("checkpoints/step-*"))
    assert last == read_metrics(out / "metrics.jsonl")[-1]["step"]
    finish(start(clip_folder, out))
    weights = load_file(out / "model.safetensors")
    assert all(torch.equal(weights[name], value) for name, value in single.items())


def test_two_processes_train_like_one_with_twice_the_batch(clip_folder, single, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    common = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    children = [
        start(clip_folder, tmp_path / "two", RANK=str(r), LOCAL_RANK=str(r), **common) for r in (0, 1)
    ]
    for child in children:
        finish(child)
    own = read_metrics(tmp_path / "single" / "metrics.jsonl")[-1]
    rows = read_metrics(tmp_path / "two" / "metrics.jsonl")
    assert rows[-1]["step"] == STEPS
    # float32 sums over the batch in two halves: 1e-6 of their size, some digits lost in 14 steps of Adam
    assert rows[-1]["loss"] == pytest.approx(own["loss"], rel=1e-4)
    assert rows[-1]["gradient_norm"] == pytest.approx(own["gradient_norm"], rel=1e-3)
    weights = load_file(tmp_path / "two" / "model.safetensors")
    for name, value in single.items():
        torch.testing.assert_close(weights[name], value, rtol=1e-3, atol=1e-4)
