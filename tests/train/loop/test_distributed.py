"""Gathering with gradient, in two threads' worth of processes: loss and gradients equal one process with all rows."""

import multiprocessing
import socket

import pytest
import torch
import torch.distributed as dist

from tagalign.data.processes import Processes
from tagalign.ops.losses import contrastive_loss, softmax_tag_loss
from tagalign.train.loop.distributed import any_in_world, average_gradients, collect, gather_with_grad

ROWS, DIM = 6, 5

pytestmark = pytest.mark.slow


def task():
    generator = torch.Generator().manual_seed(0)
    x, t = (torch.randn(ROWS, DIM, generator=generator, dtype=torch.float64) for _ in range(2))
    w = torch.randn(DIM, DIM, generator=generator, dtype=torch.float64)
    tags = torch.randn(4, DIM, generator=generator, dtype=torch.float64)
    y = torch.eye(4, dtype=torch.bool)[torch.arange(ROWS) % 4]
    y[1] = False  # an image without tags counts on whichever process it is
    return x, t, w, tags, y


def loss_of(x, t, w, tags, y, world):
    z = x @ w
    contrastive = contrastive_loss(
        z,
        t,
        logit_scale=10.0,
        all_images=gather_with_grad(z, world),
        all_texts=gather_with_grad(t, world),
        offset=world.rank * len(x),
    )
    return contrastive + softmax_tag_loss(z, tags, y, logit_scale=5.0)


def worker(rank, port, results):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
    world = Processes(rank=rank, size=2)
    x, t, w, tags, y = task()
    own = slice(rank * 3, rank * 3 + 3)
    parameter = torch.nn.Parameter(w)
    loss = loss_of(x[own], t[own], parameter, tags, y[own], world)
    loss.backward()
    average_gradients([parameter], world)
    facts = (
        loss.item(),
        parameter.grad.tolist(),
        any_in_world(rank == 1, world),
        collect({"rank": rank}, world),
    )
    results.put((rank, facts))
    dist.destroy_process_group()


def test_two_processes_have_the_loss_and_gradient_of_one():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    children = [context.Process(target=worker, args=(rank, port, results)) for rank in (0, 1)]
    for child in children:
        child.start()
    facts = dict(results.get(timeout=300) for _ in children)
    for child in children:
        child.join(timeout=60)
    x, t, w, tags, y = task()
    parameter = torch.nn.Parameter(w)
    loss = loss_of(x, t, parameter, tags, y, Processes())
    loss.backward()
    # float64 sums in another order
    assert (facts[0][0] + facts[1][0]) / 2 == pytest.approx(loss.item(), rel=1e-12)
    for rank in (0, 1):
        torch.testing.assert_close(
            torch.tensor(facts[rank][1], dtype=torch.float64), parameter.grad, rtol=1e-10, atol=1e-12
        )
        assert facts[rank][2] is True
        assert facts[rank][3] == [{"rank": 0}, {"rank": 1}]
