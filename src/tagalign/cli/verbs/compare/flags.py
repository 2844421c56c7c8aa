"""The flags of ``tagalign compare``, for results and for parses."""

import dataclasses
from pathlib import Path
from typing import Annotated, Literal

import tyro

from tagalign.cli.shared.renamed import Formerly
from tagalign.errors import InputError


@dataclasses.dataclass(frozen=True, kw_only=True)
class CompareSettings:
    """Say whether two results of `tagalign evaluate` differ beyond noise, or where two parses of captions differ.

    Results are folders or their result.json; the images are drawn again, the same ones for both. Parses are tag rows
    (.parquet, .jsonl, or a folder of them). With --table any number of results become one table, benchmarks across.
    Example: tagalign compare results/clip results/tagalign
    Example: tagalign compare results/* --table html --published tagalign/table1 --out table.html
    Example: tagalign compare tags-rules tags-distilled --out differences
    """

    paths: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """A and B: the one compared with, and the one in question; with --table any number."""
    table: Literal["md", "html", "csv"] | None = None
    """Results: one table of all, with the papers' two averages, printed or written to --out."""
    published: tuple[str, ...] = ()
    """With --table: published rows beside, by the names of `tagalign reproduce list`, such as tagalign/table1."""
    resamples: int = 1000
    """Drawings of the images."""
    seed: int = 0
    """Of these drawings."""
    gold: Path | None = None
    """Parses: the right tags, as tag rows; shows F1 of both against them."""
    truth: Annotated[Path | None, Formerly("images")] = None
    """Parses: what is in the images, a COCO instances file or JSONL of `key` and `names`; keys as in the parses."""
    out: Path | None = None
    """With --table its file. Parses: folder for comparison.html (captions side by side, errors in red) and .json."""
    shown: Annotated[int, Formerly("examples")] = 200
    """Parses: captions on the page, those with the most differences first."""
    limit: Annotated[int, Formerly("captions")] = 200_000
    """Parses: at most this many captions are read from each; they are held in memory."""
    json: bool = False
    """Print one JSON object on standard output."""

    def __post_init__(self) -> None:
        if self.table is None and len(self.paths) != 2:
            raise InputError(
                f"compare takes two results or parses, got {len(self.paths)}; --table takes any number"
            )
        if self.table is not None and not self.paths:
            raise InputError("compare --table needs results of tagalign evaluate")
        if self.published and self.table is None:
            raise InputError("--published stands beside results in a table: give --table md, html or csv")

    @property
    def first(self) -> Path:
        """A: the one compared with."""
        return self.paths[0]

    @property
    def second(self) -> Path:
        """B: the one in question."""
        return self.paths[1]
