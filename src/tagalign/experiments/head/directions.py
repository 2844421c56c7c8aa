"""What the paper's tables say of two rows, and whether our numbers agree; gains are paired by seed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tagalign.experiments.claims.claim import Claim
from tagalign.experiments.head.cells import CAPTIONS, CONCEPTS, OBJECTS, SEEDS, Cell
from tagalign.experiments.head.report import GAIN, Values, interval, shown

SHOWN = {"miou_objects": "mIoU objects", "miou": "mIoU all", "referring_miou": "referring mIoU"}


@dataclass(frozen=True, kw_only=True)
class Direction:
    """One row above another.

    Attributes:
        table: as the paper calls it.
        says: the direction as a sentence.
        better, worse: cells of seed 0; their other seeds follow, a frozen one has seed 0 alone.
        metric: key of the numbers.
        reasons: by name of the encoder, why it fails.
        order: see ``Claim``.
    """

    table: str
    says: str
    better: Cell
    worse: Cell
    metric: str = GAIN
    reasons: Mapping[str, str] = field(default_factory=dict)
    order: int = 0

    def pairs(self, values: Values) -> list[tuple[float, float]]:
        """Both numbers of every seed that was measured."""
        found = []
        for seed in SEEDS:
            keys = (_with_seed(self.better, seed).key, _with_seed(self.worse, seed).key)
            if all(key in values and self.metric in values[key] for key in keys):
                found.append((values[keys[0]][self.metric], values[keys[1]][self.metric]))
        return found

    def claim(self, encoder: str, values: Values, link: str) -> Claim | None:
        """What our numbers say; None if they are not measured."""
        pairs = self.pairs(values)
        if not pairs:
            return None
        gains = [better - worse for better, worse in pairs]
        mean, half = interval(gains)
        holds = mean > (half or 0.0)
        means = [float(sum(side) / len(side)) for side in zip(*pairs, strict=True)]
        return Claim(
            paper="TagAlign", table=self.table, direction=self.says, verdict="holds" if holds else "fails",
            ours=f"{means[1]:.1f} to {means[0]:.1f} {SHOWN[self.metric]}", interval=shown(gains, sign=True),
            seeds=len(pairs), reason="" if holds else self.reasons.get(encoder) or _plain(mean, half),
            link=link, encoder=encoder, order=self.order,
        )  # fmt: skip


def _with_seed(cell: Cell, seed: int) -> Cell:
    return replace(cell, seed=seed if cell.batch_size else 0)


def _plain(mean: float, half: float | None) -> str:
    if half is not None and abs(mean) <= half:
        return "within the spread of seeds"
    return "below; why is not measured"


TABLE_7 = "tags beside captions raise what captions alone reach"
DIRECTIONS: dict[str, tuple[Direction, ...]] = {
    "head-rows": (
        Direction(table="Table 7", says=TABLE_7, better=OBJECTS, worse=CAPTIONS),
        Direction(table="Table 7", says="so do tags of nouns with their looks", better=CONCEPTS, worse=CAPTIONS),
    ),
    "head-surgery": (
        Direction(
            table="Table 7", says=f"{TABLE_7}, on `surgery` features",
            better=replace(OBJECTS, mode="surgery"), worse=replace(CAPTIONS, mode="surgery"),
        ),
    ),
}  # fmt: skip
"""Of each table."""


def claims(table: str, encoders: Mapping[str, Values]) -> list[dict[str, Any]]:
    """The claims of a table, as its file says them.

    Args:
        table: a name in ``TABLES``.
        encoders: name to values by key of cell.
    """
    found: Sequence[Claim | None] = [
        direction.claim(name, values, f"{table}.md")
        for direction in DIRECTIONS.get(table, ())
        for name, values in encoders.items()
    ]
    return [claim.__dict__ for claim in found if claim is not None]
