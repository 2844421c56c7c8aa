"""How many processes, and what each of them gets."""

import pytest

from tagalign.apps.server.workers.plan import plan_workers
from tagalign.errors import InputError


@pytest.fixture(autouse=True)
def eight_threads(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "8")


@pytest.mark.parametrize(("count", "threads"), [(1, 8), (2, 4), (3, 2), (8, 1)])
def test_processes_share_the_threads(count, threads):
    plan = plan_workers(count, device="cpu", gpus=0)
    assert (plan.count, plan.threads, plan.devices) == (count, threads, ("cpu",) * count)


def test_each_has_a_gpu_of_its_own_and_begins_anew():
    plan = plan_workers(3, device="cuda", gpus=4)
    assert (plan.devices, plan.start, plan.threads) == (("cuda:0", "cuda:1", "cuda:2"), "spawn", 2)


@pytest.mark.parametrize(
    ("count", "device", "gpus", "message"),
    [
        (0, "cpu", 0, "--workers must be at least 1, got 0"),
        (-2, "cuda", 4, "--workers must be at least 1, got -2"),
        (9, "cpu", 0, "--workers 9: there are threads for 8"),
        (3, "cuda", 2, "--workers 3: each takes a GPU of its own, and PyTorch sees 2"),
    ],
)
def test_counts_that_cannot_be_are_refused(count, device, gpus, message):
    with pytest.raises(InputError, match=message):
        plan_workers(count, device=device, gpus=gpus)
