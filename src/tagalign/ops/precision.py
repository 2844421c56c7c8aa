"""In which numbers products are computed: full float32, or bfloat16 where a processor multiplies it faster.

Parameters, pooled embeddings and losses stay in float32 in either case: only what autocast covers changes.
"""

from contextlib import AbstractContextManager, nullcontext
from typing import Literal, get_args

import torch

from tagalign.errors import UnknownNameError

Precision = Literal["fp32", "bf16"]
"""A name in ``PRECISIONS``."""

PrecisionChoice = Literal["auto", "fp32", "bf16"]
"""What a user may ask for; see ``resolve_precision``."""

PRECISIONS: dict[Precision, torch.dtype | None] = {"fp32": None, "bf16": torch.bfloat16}
"""The type that products are computed in; None leaves them as they are."""

# torch knows these units under private names, and an older torch knows fewer of them
_BF16_UNITS = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")


def multiplies_bf16(device: torch.device) -> bool:
    """Whether a device has units for products of bfloat16: CUDA, and CPUs with AMX or AVX512-BF16.

    On such a CPU a training step takes half the time; on another one bfloat16 is emulated and slower than float32.
    """
    return device.type == "cuda" or any(getattr(torch.cpu, name, bool)() for name in _BF16_UNITS)


def resolve_precision(precision: str, device: torch.device) -> Precision:
    """A name in ``PRECISIONS``; ``auto`` is bf16 where ``multiplies_bf16``, else fp32.

    Raises:
        UnknownNameError: for another name.
    """
    if precision == "auto":
        return "bf16" if multiplies_bf16(device) else "fp32"
    for known in PRECISIONS:
        if precision == known:
            return known
    raise UnknownNameError("precision", precision, get_args(PrecisionChoice))


def autocast(precision: Precision, device: torch.device) -> AbstractContextManager[object]:
    """The context in which products have a precision."""
    dtype = PRECISIONS[precision]
    return nullcontext() if dtype is None else torch.autocast(device.type, dtype=dtype)
