"""One check where encoders end: NaN and infinity turn into masks of the first label and numbers that look published.

A sum tells the common case in one pass over the values; it reads a few hundred kilobytes after a pass over hundreds of
megabytes of weights. The search for the cause begins when something is wrong.
"""

import math

import torch
from torch import Tensor, nn

from tagalign.errors import NotFiniteError


def checked(values: Tensor, source: nn.Module, *, name: str, what: str, item: str = "image") -> Tensor:
    """The values, if all of them are finite numbers.

    Args:
        values: what ``source`` made; the first axis counts items of a batch.
        source: whose weights are searched for the cause.
        name: of the model, for the message.
        what: the values are.
        item: what the first axis counts.

    Raises:
        NotFiniteError: naming the layer whose weights are broken, or the number type and the item of the batch.
    """
    # a graph that is being written has no values yet
    if torch.compiler.is_compiling() or torch.jit.is_tracing():  # type: ignore[attr-defined,no-untyped-call]
        return values
    # in float32: a sum of half-precision numbers overflows where none of them does
    if math.isfinite(float(values.detach().sum(dtype=torch.float32))) or bool(torch.isfinite(values).all()):
        return values
    if broken := broken_weights(source):
        raise NotFiniteError(
            f"{name}: the weights of {broken} hold NaN or infinity, so the {what} are no numbers; fetch or convert "
            "the model again",
            by_weights=True,
        )
    raise NotFiniteError(
        f"{name}: the {what} {_whose(values, item)} hold NaN or infinity{_advice(values.dtype)}"
    )


def broken_weights(source: nn.Module) -> str:
    """Name of the first parameter or buffer with NaN or infinity; empty if all are finite."""
    from torch.distributed.tensor import DTensor  # takes a while, and is wanted when something is wrong

    for name, tensor in (*source.named_parameters(), *source.named_buffers()):
        # of an encoder that is spread over processes its own part: the others may not be asking
        own = tensor.to_local() if isinstance(tensor, DTensor) else tensor
        if own.is_floating_point() and not bool(torch.isfinite(own).all()):
            return name
    return ""


def _whose(values: Tensor, item: str) -> str:
    if values.ndim < 2:
        return f"of one {item}"
    first = int((~torch.isfinite(values)).flatten(1).any(dim=1).nonzero()[0, 0])
    return f"of {item} {first + 1} of {len(values)} in its batch"


def _advice(dtype: torch.dtype) -> str:
    kind = str(dtype).removeprefix("torch.")
    if dtype in (torch.float16, torch.bfloat16):
        return f" in {kind}: the numbers grow too large for it; run the model in float32"
    return f" in {kind}, though its weights are finite: the input is too large or holds NaN itself"
