"""``tagalign compare A B``: do two results, or two files of parsed captions, differ?"""

import dataclasses
from pathlib import Path
from typing import Annotated

import tyro

from tagalign.cli.common import print_json
from tagalign.errors import InputError


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


def run(settings: CompareSettings) -> int:
    """Compare; the exit code says nothing about who is better."""
    for path in (settings.first, settings.second):
        if not path.exists():
            raise InputError(f"{path}: no such file or folder")
    results = [_is_result(path) for path in (settings.first, settings.second)]
    if all(results):
        return _compare_results(settings)
    if any(results):
        raise InputError("one of the two is a result, the other is not; compare two results, or two parses")
    from tagalign.cli.compare_parses import compare_parses

    return compare_parses(settings)


def _is_result(path: Path) -> bool:
    """A folder with ``result.json``, or a JSON file."""
    return (path / "result.json").is_file() if path.is_dir() else path.suffix == ".json"


def _compare_results(settings: CompareSettings) -> int:
    from tagalign.evaluate.compare import compare_results, describe_comparison

    if settings.resamples < 1:
        raise InputError(f"--resamples must be at least 1, got {settings.resamples}")
    comparison = compare_results(
        settings.first, settings.second, resamples=settings.resamples, seed=settings.seed
    )
    if settings.json:
        gaps = {name: dataclasses.asdict(gap) for name, gap in comparison.differences.items()}
        print_json({"images": comparison.images, "differences": gaps})
    else:
        print(describe_comparison(comparison))
    return 0
