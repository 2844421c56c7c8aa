"""The flags of ``tagalign compare``, for results and for parses."""

import dataclasses
from pathlib import Path
from typing import Annotated

import tyro


@dataclasses.dataclass(frozen=True, kw_only=True)
class CompareSettings:
    """Say whether two results of `tagalign evaluate` differ beyond noise, or where two parses of captions differ.

    Results are folders or their result.json; the images are drawn again, the same ones for both. Parses are tag rows
    (.parquet, .jsonl, or a folder of them).
    Example: tagalign compare results/clip results/tagalign
    Example: tagalign compare tags-rules tags-distilled --out differences
    """

    first: Annotated[Path, tyro.conf.Positional]
    """A: the one compared with."""
    second: Annotated[Path, tyro.conf.Positional]
    """B: the one in question."""
    resamples: int = 1000
    """Drawings of the images."""
    seed: int = 0
    """Of these drawings."""
    gold: Path | None = None
    """Parses: the right tags, as tag rows; shows F1 of both against them."""
    images: Path | None = None
    """Parses: what is in the images, a COCO instances file or JSONL of `key` and `names`; keys as in the parses."""
    out: Path | None = None
    """Parses: folder for comparison.html (captions side by side, errors in red) and comparison.json."""
    examples: int = 200
    """Parses: captions on the page, those with the most differences first."""
    captions: int = 200_000
    """Parses: at most this many captions are read from each; they are held in memory."""
    json: bool = False
    """Print one JSON object on standard output."""
