"""Results say what they hold in one line, a tensor by its kind and sizes: nobody reads a million pixels in a notebook."""

from dataclasses import fields
from typing import Any

from torch import Tensor

LONGEST = 6
"""Entries of a tuple that are shown."""


class Brief:
    """A dataclass (with ``repr=False``) that is shown without the numbers of its tensors and without what is None."""

    def __repr__(self) -> str:
        kept = {one.name: getattr(self, one.name) for one in fields(self) if one.repr}  # type: ignore[arg-type]
        shown = ", ".join(f"{name}={brief(value)}" for name, value in kept.items() if value is not None)
        return f"{type(self).__name__}({shown})"


def brief(value: Any) -> str:
    """A value on one line.

    >>> import torch
    >>> brief(torch.zeros(2, 3)), brief((1, 2)), brief(tuple(range(100)))
    ('float32[2, 3]', '(1, 2)', '(0, 1, 2, 3, 4, 5, ... 100 in all)')
    """
    if isinstance(value, Tensor):
        return f"{str(value.dtype).removeprefix('torch.')}{list(value.shape)}"
    names = getattr(value, "names", None)
    if isinstance(names, tuple):  # a list of labels: what they are called
        return type(value).__name__ + brief(names)
    if not isinstance(value, tuple) or len(value) <= LONGEST:
        return repr(value)
    return f"({', '.join(map(brief, value[:LONGEST]))}, ... {len(value)} in all)"
