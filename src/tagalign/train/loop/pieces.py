"""A batch in pieces: the graph of one piece lives at a time, and the gradient stays that of the whole batch."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from jaxtyping import Float
from torch import Tensor


def pieces_of(count: int, most: int | None) -> list[slice]:
    """The rows of a batch in pieces of at most ``most``; all in one where None."""
    size = count if most is None else most
    return [slice(start, min(start + size, count)) for start in range(0, count, max(size, 1))] or [
        slice(0, 0)
    ]


def forward_in_pieces(
    forward: Callable[[slice], Float[Tensor, "*rows"]], pieces: Sequence[slice], device: torch.device
) -> tuple[Float[Tensor, "*rows"], Callable[[], None]]:
    """Outputs of all rows without a graph, and what carries their gradient on into the parameters.

    A loss that compares rows with each other needs all of them at once, though not their graphs: first every piece goes
    forward without one, then the gradient of the loss for the outputs is taken, then each piece goes forward again with a
    graph and takes its rows of that gradient. It costs one more forward pass. The second pass draws what the first one
    drew (dropout, noise of groups), so both are one function.

    Args:
        forward: outputs of some rows, with a graph where gradients are on.
        pieces: of ``pieces_of``.
        device: whose random numbers may be drawn.

    Returns:
        A leaf that wants a gradient, and a function to be called once it has one; the leaf of a loss without any row is
        left alone.

    Reference:
        Gao et al., Scaling Deep Contrastive Learning Batch Size under Memory Limited Setup, arXiv:2101.06983.
    """
    states, outputs = [], []
    with torch.no_grad():
        for piece in pieces:
            states.append(_drawing_state(device))
            outputs.append(forward(piece))
    leaf = torch.cat(outputs).requires_grad_(True)

    def backward() -> None:
        if leaf.grad is None:
            return
        for piece, state in zip(pieces, states, strict=True):
            with _drawing_from(state, device):
                forward(piece).backward(leaf.grad[piece])

    return leaf, backward


def _drawing_state(device: torch.device) -> tuple[Tensor, Tensor | None]:
    on_device = torch.cuda.get_rng_state(device) if device.type == "cuda" else None
    return torch.get_rng_state(), on_device


@contextmanager
def _drawing_from(state: tuple[Tensor, Tensor | None], device: torch.device) -> Iterator[None]:
    """Draw again from a state; afterwards go on where the numbers stood."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.set_rng_state(state[0])
        if state[1] is not None:
            torch.cuda.set_rng_state(state[1], device)
        yield
