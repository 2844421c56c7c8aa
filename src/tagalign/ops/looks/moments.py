"""Mean and deviation per column of a table that never is in memory, from exact sums: any split of the rows gives them."""

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from jaxtyping import Float

from tagalign.ops.looks.exact_sums import ExactSums


@dataclass(frozen=True, kw_only=True)
class Moments:
    """Count, sums and sums of squares of the columns of a table.

    Values are rounded to float32 first: then a square is exact in float64, and nothing is lost on the way.

    Attributes:
        count: rows.
        sums: of the values.
        squares: of their squares.
    """

    count: int
    sums: ExactSums
    squares: ExactSums

    @classmethod
    def zeros(cls, columns: int) -> "Moments":
        """Of no rows."""
        return cls(count=0, sums=ExactSums.zeros(columns), squares=ExactSums.zeros(columns))

    @classmethod
    def of(cls, rows: Float[np.ndarray, "rows columns"]) -> "Moments":
        """Of some rows.

        Raises:
            ValueError: for a value that is not finite.
        """
        values = np.asarray(rows, dtype=np.float32).astype(np.float64)
        return cls(count=len(values), sums=ExactSums.of(values), squares=ExactSums.of(values * values))

    def __add__(self, other: "Moments") -> "Moments":
        """Of the rows of both; exact, so the order of merging does not matter."""
        return Moments(
            count=self.count + other.count, sums=self.sums + other.sums, squares=self.squares + other.squares
        )

    def mean(self) -> Float[np.ndarray, " columns"]:
        """Mean of each column; 0 of no rows."""
        return np.array([float(s / self.count) if self.count else 0.0 for s in self.sums.fractions()])

    def deviation(self) -> Float[np.ndarray, " columns"]:
        """Standard deviation of each column with ``count - 1`` below; 0 of a single row, and of equal values exactly."""
        pairs = zip(self.sums.fractions(), self.squares.fractions(), strict=True)
        return np.array([self._deviation(total, squares) for total, squares in pairs])

    def _deviation(self, total: Fraction, squares: Fraction) -> float:
        if self.count < 2:
            return 0.0
        return math.sqrt((squares - total * total / self.count) / (self.count - 1))

    def values(self) -> dict[str, Any]:
        """As JSON values; ``from_values`` reads them."""
        return {"count": self.count, "sums": self.sums.texts(), "squares": self.squares.texts()}

    @classmethod
    def from_values(cls, values: dict[str, Any]) -> "Moments":
        """Back from ``values``.

        Raises:
            ValueError, KeyError, TypeError: for anything else.
        """
        return cls(
            count=int(values["count"]),
            sums=ExactSums.from_texts(values["sums"]),
            squares=ExactSums.from_texts(values["squares"]),
        )
