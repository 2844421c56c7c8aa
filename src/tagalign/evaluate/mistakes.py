"""Which classes went worst, and what their pixels were taken for."""

from collections.abc import Sequence
from dataclasses import dataclass

from tagalign.evaluate.segmentation import Confusion

WORST = 8
TAKEN_FOR = 4


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """A class and what its pixels were taken for.

    Attributes:
        name: of the class.
        right: share of its pixels that were found, in [0, 1].
        taken_for: the commonest other answers with their shares.
    """

    name: str
    right: float
    taken_for: tuple[tuple[str, float], ...]


def worst_confusions(confusion: Confusion, names: Sequence[str], *, count: int = WORST) -> list[Mistake]:
    """The classes with the lowest IoU among those that occur in the ground truth, worst first."""
    iou, totals = confusion.iou(), confusion.matrix.sum(1)
    present = [i for i in range(len(names)) if int(totals[i])]
    return [_mistake(confusion, names, i) for i in sorted(present, key=lambda i: float(iou[i]))[:count]]


def _mistake(confusion: Confusion, names: Sequence[str], place: int) -> Mistake:
    row = confusion.matrix[place].double()
    shares = (row / row.sum()).tolist()
    others = [j for j in range(len(names)) if j != place and shares[j]]
    commonest = sorted(others, key=lambda j: -shares[j])[:TAKEN_FOR]
    return Mistake(
        name=names[place], right=shares[place], taken_for=tuple((names[j], shares[j]) for j in commonest)
    )
