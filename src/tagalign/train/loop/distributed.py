"""Many processes, one per GPU, started by ``torchrun``; everything here is the identity in a single process."""

import os
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from jaxtyping import Float, Int
from torch import Tensor, nn

from tagalign.data.processes import Processes
from tagalign.errors import InputError


@contextmanager
def join_world(device: torch.device | str = "cpu", *, is_spread: bool = False) -> Iterator[Processes]:
    """The world that ``torchrun`` set up in the environment, or a world of one.

    On CUDA every process takes the GPU of its local rank and talks over NCCL; on CPU it talks over Gloo.

    Args:
        device: CPU or CUDA.
        is_spread: the frozen encoder will be spread over the processes (``backbones.spread``).

    Raises:
        InputError: for an encoder that is to be spread over a single process.
    """
    device = torch.device(device)
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        if is_spread:
            raise InputError("an encoder is spread over the processes of torchrun, and this is the only one")
        yield Processes(device=device)
        return
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        with warnings.catch_warnings():
            # lest somebody change such a product in place, which blocks of ours never do
            warnings.filterwarnings("ignore", "FSDP2-wrapped module .* returned a view tensor")
            yield Processes(
                rank=dist.get_rank(), size=dist.get_world_size(), device=device, is_spread=is_spread
            )
    finally:
        dist.destroy_process_group()


class _Gather(torch.autograd.Function):
    """Rows of all processes; the gradient of the own rows is summed over the processes that used them."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, rank: int, size: int) -> Tensor:
        ctx.own = slice(rank * len(x), (rank + 1) * len(x))
        parts = [torch.empty_like(x) for _ in range(size)]
        dist.all_gather(parts, x.contiguous())  # knows no gradient; ours is below
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        # every process's loss looked at these rows; the sum over all is what one process would have
        grad = grad.contiguous()
        dist.all_reduce(grad)
        return grad[ctx.own], None, None


def gather_with_grad(x: Float[Tensor, "*batch dim"], world: Processes) -> Float[Tensor, "*total dim"]:
    """Rows of all processes in the order of their ranks; every process must bring the same number.

    A loss that is the mean over the own rows, followed by ``average_gradients``, gives exactly the gradient of the mean over
    all rows in one process.
    """
    return x if world.size == 1 else _Gather.apply(x, world.rank, world.size)  # type: ignore[no-untyped-call]


def average_gradients(parameters: Iterable[nn.Parameter], world: Processes) -> None:
    """Replace each gradient by its mean over the processes, in one message per dtype.

    Once per optimiser step, after accumulation; one flat buffer makes overlap with the backward pass unnecessary for a
    projector of 21 million numbers.
    """
    if world.size == 1:
        return
    # who has none follows from the network, so it is alike everywhere; else the messages would differ in length and hang
    grads = [p.grad for p in parameters if p.grad is not None]
    for dtype in dict.fromkeys(g.dtype for g in grads):  # a set has another order in another process
        same = [g for g in grads if g.dtype == dtype]
        flat = torch.cat([g.flatten() for g in same])
        dist.all_reduce(flat)
        flat /= world.size
        for grad, chunk in zip(same, flat.split([g.numel() for g in same]), strict=True):
            grad.copy_(chunk.view_as(grad))


def copy_from_first(module: nn.Module, world: Processes) -> None:
    """Make parameters and buffers of all processes equal to those of the first."""
    if world.size == 1:
        return
    with torch.no_grad():
        for tensor in [*module.parameters(), *module.buffers()]:
            dist.broadcast(tensor, src=0)


def mean_over_world(values: dict[str, Tensor], world: Processes) -> dict[str, Tensor]:
    """Mean of scalars over the processes, in one message."""
    if world.size == 1 or not values:
        return values
    stacked = torch.stack([v.detach().float() for v in values.values()])
    dist.all_reduce(stacked)
    return dict(zip(values, stacked / world.size, strict=True))


def sum_over_world(value: Float[Tensor, ""] | Int[Tensor, ""], processes: Processes) -> Tensor:
    """Sum of a number over the processes, e.g. of what a mean divides by; without gradient."""
    total = value.detach().float()
    if processes.size > 1:
        dist.all_reduce(total)
    return total


def any_in_world(flag: bool, world: Processes) -> bool:
    """Whether the flag is set in any process; all of them get the same answer."""
    if world.size == 1:
        return flag
    value = torch.tensor(float(flag), device=world.device)
    dist.all_reduce(value, op=dist.ReduceOp.MAX)
    return bool(value.item())


def collect(value: Any, world: Processes) -> list[Any]:
    """A JSON value of every process, by rank."""
    if world.size == 1:
        return [value]
    values: list[Any] = [None] * world.size
    dist.all_gather_object(values, value)
    return values


def wait_for_all(world: Processes) -> None:
    """Go on when every process has come here."""
    if world.size > 1:
        dist.barrier()
