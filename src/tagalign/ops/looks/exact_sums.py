"""Sums of floating-point numbers without rounding: the same whatever the order, so that shards merge to the same bytes.

A float is an integer times a power of two. Numbers of one power are added as 64-bit integers, a block at a time, and the
blocks as Python integers, which have no end.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from jaxtyping import Float

UNIT_POWER = -1126
"""Power of two of the integers kept: below the smallest float64 (2**-1074), with room for its 53 bits."""
MANTISSA_BITS = 53
BLOCK_ROWS = 512
"""Rows added as 64-bit integers: 512 numbers of 53 bits stay below 2**62."""


@dataclass(frozen=True)
class ExactSums:
    """One exact sum per column.

    Attributes:
        units: integer multiples of ``2**UNIT_POWER``.
    """

    units: tuple[int, ...]

    @classmethod
    def zeros(cls, columns: int) -> "ExactSums":
        """Sums of nothing."""
        return cls(units=(0,) * columns)

    @classmethod
    def of(cls, rows: Float[np.ndarray, "rows columns"]) -> "ExactSums":
        """Sums of the columns; every value as the float64 that it is.

        Raises:
            ValueError: for a value that is not finite.
        """
        values = np.asarray(rows, dtype=np.float64)
        if not np.isfinite(values).all():
            raise ValueError("expected finite numbers to add up, got NaN or infinity")
        total = [0] * values.shape[1]
        for start in range(0, len(values), BLOCK_ROWS):
            _add_block(total, values[start : start + BLOCK_ROWS])
        return cls(units=tuple(total))

    def __add__(self, other: "ExactSums") -> "ExactSums":
        """Sums of both; exact."""
        if len(self.units) != len(other.units):
            raise ValueError(f"cannot add {len(other.units)} sums to {len(self.units)}")
        return ExactSums(units=tuple(a + b for a, b in zip(self.units, other.units, strict=True)))

    def fractions(self) -> list[Fraction]:
        """The sums as exact numbers."""
        return [Fraction(unit, 2**-UNIT_POWER) for unit in self.units]

    def texts(self) -> list[str]:
        """The sums as text: ``MANTISSApPOWER`` in hexadecimal digits and a power of two, ``-0x3p-4``; 0 is ``0x0p0``."""
        return [_text(unit) for unit in self.units]

    @classmethod
    def from_texts(cls, texts: list[str]) -> "ExactSums":
        """Back from ``texts``.

        Raises:
            ValueError: for a text that is no such sum.
        """
        return cls(units=tuple(map(_unit, texts)))


def _add_block(total: list[int], block: Float[np.ndarray, "rows columns"]) -> None:
    fraction, power = np.frexp(block)
    mantissa = np.ldexp(fraction, MANTISSA_BITS).astype(np.int64)
    for one in np.unique(power):
        sums = np.where(power == one, mantissa, 0).sum(axis=0)
        shift = int(one) - MANTISSA_BITS - UNIT_POWER
        for column in np.flatnonzero(sums):
            total[column] += int(sums[column]) << shift


def _text(unit: int) -> str:
    if not unit:
        return "0x0p0"
    zeros = (unit & -unit).bit_length() - 1
    return f"{'-' if unit < 0 else ''}{abs(unit) >> zeros:#x}p{zeros + UNIT_POWER}"


def _unit(text: str) -> int:
    mantissa, sign, power = text.partition("p")
    shift = int(power) - UNIT_POWER
    if not sign or (shift < 0 and int(mantissa, 16)):
        raise ValueError(f"{text!r} is no exact sum")
    return int(mantissa, 16) << max(shift, 0)
