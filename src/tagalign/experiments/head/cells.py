"""What is measured: one cell is one row of one table with one seed; a table is a list of cells."""

from dataclasses import dataclass, replace
from typing import Literal

Tags = Literal["none", "objects", "concepts"]
"""Which tags of a caption a row learns from: none, nouns, or nouns with their colour and pattern."""

SAMPLES = 25_600
"""Pairs that every trained row sees, whatever its batch: rows differ in what a step compares, not in how much is seen."""

MATCHED = 256
"""Batch of the tables: the captions of one name 22 % of the 1,120 concepts (``runs/measure_concepts.py``), less than a
third, as a batch of the paper does of its list. Chosen by that share, before any row was trained."""

MISLEAD = 0.3
"""Share of misleading alt text in the table of rows."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One training and its scores.

    Attributes:
        row: as printed.
        contrastive: whether the captions' own loss is on.
        tags: which tags are learned; ``none`` leaves the tag loss out.
        loss: kind of the tag loss.
        names: length of the tag list, at most.
        batch_size: pairs of a step; 0 for a row that is not trained.
        mislead: share of misleading alt text.
        seed: of the training scenes and of the training.
        mode: dense mode of the frozen features.
    """

    row: str
    contrastive: bool = True
    tags: Tags = "none"
    loss: Literal["balanced", "softmax", "weighted", "focal", "asymmetric"] = "balanced"
    names: int = 1000
    batch_size: int = MATCHED
    mislead: float = MISLEAD
    seed: int = 0
    mode: str = "clip"

    @property
    def key(self) -> str:
        """Names it in the journal of a table."""
        return f"{self.row} | batch {self.batch_size} | mislead {self.mislead:g} | seed {self.seed}"


FROZEN = Cell(row="frozen", contrastive=False, batch_size=0)
CAPTIONS = Cell(row="captions")
OBJECTS = Cell(row="captions and objects", tags="objects")
CONCEPTS = Cell(row="captions and concepts", tags="concepts")
ALONE = Cell(row="concepts alone", contrastive=False, tags="concepts")

SEEDS = (0, 1, 2)


def _seeds(*cells: Cell) -> tuple[Cell, ...]:
    """The frozen row once, because no seed touches it; then every row with every seed."""
    return (FROZEN, *(replace(cell, seed=seed) for seed in SEEDS for cell in cells))


TABLES: dict[str, tuple[Cell, ...]] = {
    "head-rows": _seeds(CAPTIONS, OBJECTS, CONCEPTS, ALONE),
    "head-surgery": tuple(
        replace(cell, mode="surgery") for cell in _seeds(CAPTIONS, OBJECTS, CONCEPTS, ALONE)
    ),
    "head-noise": _seeds(
        *(replace(cell, mislead=share) for share in (0.0, 0.15, 0.3, 0.6) for cell in (CAPTIONS, CONCEPTS))
    ),
    "head-coverage": (
        FROZEN,
        *(
            replace(cell, batch_size=size)
            for size in (16, 32, 64, 128, 256, 512)
            for cell in (CAPTIONS, CONCEPTS)
        ),
    ),
    "head-losses": _seeds(
        *(
            replace(CONCEPTS, row=f"concepts, {loss}", loss=loss)
            for loss in ("balanced", "softmax", "weighted", "focal", "asymmetric")
        )
    ),
    "head-lists": (
        FROZEN,
        *(
            replace(CONCEPTS, row=f"captions and {names} concepts", names=names)
            for names in (3, 10, 30, 100, 300, 1000)
        ),
    ),
}
"""Name of a table to its cells. ``head-rows`` is the paper's Tables 1 and 7, ``head-surgery`` the
same on the features that the paper trains on, ``head-losses`` its Table 6, ``head-lists``
its Table 3; ``head-noise`` and ``head-coverage`` are the curves of the gain."""
