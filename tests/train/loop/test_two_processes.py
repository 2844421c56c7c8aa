"""TrustyCLIP and Tag2Text in two processes: losses, gradients and weights are those of one process, to rounding.

Under torchrun itself, and in two threads, which is the same arithmetic in a second.
"""

import os
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest
import torch
from small_trainings import TRAININGS
from thread_world import ThreadWorld

from tagalign.data.processes import Processes
from tagalign.testing.clip_folder import make_clip_folder
from tagalign.train.loop import distributed
from tagalign.train.loop.distributed import join_world
from tagalign.train.loop.plan import Hooks

TIMEOUT_S = 240  # a busy machine; an idle one needs ten seconds


def train(kind, folder, choice, world=None):
    """Weights, and the numbers logged at every step; in the world of the environment or a given one."""
    torch.set_num_threads(1)
    rows = []
    with join_world("cpu") if world is None else nullcontext(world) as processes:
        hooks = Hooks(progress=lambda step, steps, shown: rows.append(dict(shown)))
        module = TRAININGS[kind](folder, processes, hooks, choice)
    return {name: p.detach() for name, p in module.named_parameters()}, rows


def torchrun(folder, out):
    """All runs of this file in two processes, see the end; each leaves ``KIND-CHOICE-RANK.pt`` in ``out``.

    One start for all: a process that imports torch takes longer than what it trains here.
    """
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [*launcher, __file__, str(folder), str(out)],
        env=environment,
        capture_output=True,
        timeout=TIMEOUT_S,
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    return out


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    sizes = {"width": 16, "layers": 2, "dim": 8, "image_size": 16, "text_layers": 1}
    return make_clip_folder(tmp_path_factory.mktemp("small"), **sizes)


CASES = [
    ("trusty", "inductive"),
    ("trusty", "transductive"),
    ("tag2text", "fixed"),
    ("tag2text", "released"),
    ("tag2text", "momentum"),
]
RUNS = pytest.mark.parametrize(("kind", "choice"), CASES)


@pytest.fixture(scope="module")
def under_torchrun(folder, tmp_path_factory):
    return torchrun(folder, tmp_path_factory.mktemp("torchrun"))


@pytest.mark.slow
@RUNS
def test_two_processes_under_torchrun_train_like_one(folder, under_torchrun, kind, choice):
    both = [torch.load(under_torchrun / f"{kind}-{choice}-{rank}.pt") for rank in (0, 1)]
    check_like_one(*both, train(kind, folder, choice))


@RUNS
def test_two_threads_train_like_one(folder, monkeypatch, kind, choice):
    world = ThreadWorld(2)
    monkeypatch.setattr(distributed, "dist", world)
    both = world.run(lambda rank: train(kind, folder, choice, Processes(rank=rank, size=2)))
    check_like_one(*both, train(kind, folder, choice))


def check_like_one(first, second, one):
    (own, own_rows), (other, _), (weights, rows) = first, second, one
    assert all(torch.equal(value, other[name]) for name, value in own.items())
    assert len(own_rows) == len(rows)
    for ours, theirs in zip(own_rows, rows, strict=True):
        for name in theirs.keys() - {"images_per_s"}:
            # float32 sums over the batch in two halves: 1e-6 of their size, some digits lost in steps of Adam
            assert ours[name] == pytest.approx(theirs[name], rel=1e-4, abs=1e-6), name
    both, one = (torch.cat([w[name].flatten() for name in weights]) for w in (own, weights))
    # Adam divides by the size of a gradient: the few that are rounding noise, and nothing else, may take another way
    assert ((both - one).abs() > 1e-4).float().mean() < 0.01


if __name__ == "__main__":
    with join_world("cpu") as together:
        for case in CASES:
            found = train(case[0], Path(sys.argv[1]), case[1], together)
            torch.save(found, Path(sys.argv[2]) / f"{'-'.join(case)}-{os.environ['RANK']}.pt")
