"""``tagalign compare A B``: do two results, or two files of parsed captions, differ?"""

import dataclasses
from pathlib import Path
from typing import Annotated

import tyro

from tagalign.cli.common import print_json
from tagalign.errors import InputError

PARSE_ENDINGS = (".jsonl", ".jsonl.gz", ".parquet")


@dataclasses.dataclass(frozen=True, kw_only=True)
class CompareSettings:
    """Say whether two results of `tagalign evaluate` differ beyond noise, or where two parses of captions differ.

    Results are folders or their result.json; the images are drawn again, the same ones for both. Parses are tag rows
    (.parquet, .jsonl, or a folder of them). Example: tagalign compare results/clip results/tagalign
    """

    first: Annotated[Path, tyro.conf.Positional]
    """A: the one compared with."""
    second: Annotated[Path, tyro.conf.Positional]
    """B: the one in question."""
    resamples: int = 1000
    """Drawings of the images."""
    seed: int = 0
    """Of these drawings."""
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
    return _compare_parses(settings)


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


def _compare_parses(settings: CompareSettings) -> int:
    raise InputError(
        f"{settings.first} and {settings.second}: comparing parses is not built yet; compare two result.json of `evaluate`"
    )
