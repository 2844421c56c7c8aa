"""What is measured: one cell is one row of one table with one seed."""

from dataclasses import dataclass
from typing import Literal

TagsOf = Literal["none", "objects", "concepts", "attributes", "split", "pairs", "backgrounds"]
"""Which tags of a caption a row learns from: see ``tag_lists``."""

ParserName = Literal["distilled", "rules", "fixed", "true"]
"""Where tags come from: see ``tag_lists``."""

SAMPLES = 25_600
"""Pairs that every trained row sees, whatever its batch: rows differ in what a step compares, not in how much is seen."""

MATCHED = 256
"""Batch of the tables: the captions of one name 22 % of the 1,120 concepts (``runs/measure_concepts.py``), less than a
third, as a batch of the paper does of its list. Chosen by that share, before any row was trained."""

MISLEAD = 0.3
"""Share of misleading alt text where a table does not vary it."""

RATE = 1e-3
"""Learning rate where a row does not name another one."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One training and its scores.

    Attributes:
        row: as printed; names everything that the attributes below its key do not.
        contrastive: whether the captions' own loss is on.
        tags: which tags are learned; ``none`` leaves the tag loss out.
        loss: kind of the tag loss.
        names: length of the tag list, at most.
        batch_size: pairs of a step; 0 for a row that is not trained.
        mislead: share of misleading alt text.
        seed: of the training scenes and of the training.
        mode: dense mode of the frozen features.
        parser: of the captions.
        share: of the training scenes that is used.
        rate: learning rate.
        blend: weight of the frozen map beside the trained one when it answers.
    """

    row: str
    contrastive: bool = True
    tags: TagsOf = "none"
    loss: str = "balanced"
    names: int = 1000
    batch_size: int = MATCHED
    mislead: float = MISLEAD
    seed: int = 0
    mode: str = "clip"
    parser: ParserName = "distilled"
    share: float = 1.0
    rate: float = RATE
    blend: float = 0.0

    @property
    def key(self) -> str:
        """Name in the journals; equal for equal cells of all tables."""
        mode = "" if self.mode == "clip" else f" | {self.mode}"
        return f"{self.row} | batch {self.batch_size} | mislead {self.mislead:g} | seed {self.seed}{mode}"


FROZEN = Cell(row="frozen", contrastive=False, batch_size=0)
CAPTIONS = Cell(row="captions")
OBJECTS = Cell(row="captions and objects", tags="objects")
CONCEPTS = Cell(row="captions and concepts", tags="concepts")
ALONE = Cell(row="concepts alone", contrastive=False, tags="concepts")

SEEDS = (0, 1, 2)
