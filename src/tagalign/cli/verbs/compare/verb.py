"""``tagalign compare A B``: do two results, or two files of parsed captions, differ? Or a table of many results."""

import dataclasses
from pathlib import Path

from tagalign.cli.shared.output import print_json
from tagalign.cli.verbs.compare.flags import CompareSettings
from tagalign.errors import InputError


def run(settings: CompareSettings) -> int:
    """Compare; the exit code says nothing about who is better."""
    for path in settings.paths:
        if not path.exists():
            raise InputError(f"{path}: no such file or folder")
    if settings.table is not None:
        from tagalign.cli.verbs.compare.table import compare_table

        return compare_table(settings)
    results = [_is_result(path) for path in (settings.first, settings.second)]
    if all(results):
        return _compare_results(settings)
    if any(results):
        raise InputError("one of the two is a result, the other is not; compare two results, or two parses")
    for path in (settings.first, settings.second):
        _refuse_answers(path)
    from tagalign.cli.verbs.compare.parses import compare_parses

    return compare_parses(settings)


def _is_result(path: Path) -> bool:
    """A folder with ``result.json``, or a JSON file."""
    return (path / "result.json").is_file() if path.is_dir() else path.suffix == ".json"


def _refuse_answers(path: Path) -> None:
    if any(path.glob("run-*-of-*.json")):
        raise InputError(
            f"{path} holds answers about photos; compare takes results of tagalign evaluate, or tags of tagalign parse "
            "(two methods side by side on a photo: tagalign app)"
        )


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
