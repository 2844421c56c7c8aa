"""The second half of ``tagalign compare``: two parses of the same captions."""

import dataclasses
import itertools
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tagalign.cli.shared.output import print_json
from tagalign.errors import DataError, InputError
from tagalign.json_text import json_text, object_or_nothing

if TYPE_CHECKING:
    from tagalign.cli.verbs.compare.flags import CompareSettings
    from tagalign.tags.comparison import ParseComparison, Side
    from tagalign.tags.shards import TagRow

TOP = 12  # tags of one parser alone that the terminal shows


def compare_parses(settings: "CompareSettings") -> int:
    """Compare two parses, print what differs, and write the page where ``--out`` asks for it."""
    from tagalign.tags.comparison import compare_parses as compare

    if settings.limit < 1 or settings.shown < 0:
        raise InputError("--limit must be at least 1 and --shown at least 0")
    gold = _rows(settings.gold, settings.limit) if settings.gold else None
    in_image, class_of = _truth(settings.truth) if settings.truth else (None, None)
    comparison = compare(
        _rows(settings.first, settings.limit), _rows(settings.second, settings.limit),
        gold=gold, in_image=in_image, class_of=class_of,
    )  # fmt: skip
    costs = (_cost(settings.first), _cost(settings.second))
    values = _values(comparison, costs)
    if settings.json:
        print_json(values)
    else:
        print(_describe(comparison, (str(settings.first), str(settings.second)), costs))
    if settings.out:
        _write(settings, comparison, values, costs)
    return 0


def _rows(place: Path, limit: int) -> "Iterator[TagRow]":
    from tagalign.tags.shards import read_rows, shard_paths

    rows = (row for path in shard_paths(place) for row in read_rows(path))
    return itertools.islice(rows, limit)


def _cost(place: Path) -> dict[str, str]:
    """Rate, tokens and price of the run that made a folder, as far as it wrote them down."""
    folder = place if place.is_dir() else place.parent
    cost = dict[str, str]()
    run = object_or_nothing(folder / "settings.json").get("run") or {}
    if run.get("captions") and run.get("seconds"):
        cost["captions a second"] = f"{run['captions'] / run['seconds']:,.0f}"
    total = object_or_nothing(folder / "usage.json").get("total") or {}
    return cost | {name.replace("_", " "): f"{value:,}" for name, value in total.items()}


def _truth(path: Path) -> tuple[dict[str, set[str]], dict[str, str]]:
    """Classes in each image by key, and the class that each tag means.

    A COCO instances file (keys are file names, with or without their ending), or JSONL rows of ``key`` and ``names``.
    """
    if path.suffix == ".jsonl":
        present = _listed_truth(path)
    else:
        from tagalign.data.benchmarks.coco_files import read_coco

        coco = read_coco(path)
        present = {}
        for image in coco.images:
            found = coco.annotations.get(int(image["id"]), ())
            names = {coco.categories[int(a["category_id"])] for a in found if "category_id" in a}
            file = Path(image["file_name"])
            present |= dict.fromkeys((str(file), file.name, file.stem), names)
    return present, _class_of(set().union(*present.values()))


def _listed_truth(path: Path) -> dict[str, set[str]]:
    try:
        with path.open(encoding="utf-8") as lines:
            rows = [json.loads(line) for line in lines if not line.isspace()]
        return {row["key"]: {str(name) for name in row["names"]} for row in rows}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path}: expected lines of {{key, names}} ({type(error).__name__}: {error})"
        ) from error


def _class_of(classes: set[str]) -> dict[str, str]:
    """Names of the classes, and their aliases where the shipped label sets know the class."""
    from tagalign.tags.label_sets import load_label_set
    from tagalign.tags.normalize import normalize_tag

    class_of: dict[str, str] = {}
    for spec in ("coco-object:aliases", "voc20:aliases"):
        for label in load_label_set(spec).labels:
            if label.name in classes:
                class_of |= dict.fromkeys(map(normalize_tag, label.aliases), label.name)
    return class_of | {normalize_tag(name): name for name in classes}


def _values(comparison: "ParseComparison", costs: tuple[dict[str, str], dict[str, str]]) -> dict[str, Any]:
    sides = zip((comparison.first, comparison.second), costs, strict=True)
    a, b = (_side_values(side) | {"cost": cost} for side, cost in sides)
    return {
        "captions": len(comparison.rows),
        "only_in_a": comparison.only_first,
        "only_in_b": comparison.only_second,
        "agreement": {kind: one.summary() for kind, one in comparison.agreement.items()},
        "a": a,
        "b": b,
    }


def _side_values(side: "Side") -> dict[str, Any]:
    values: dict[str, Any] = {"tags": side.tags, "inventions": side.inventions}
    if side.against_gold:
        values["gold"] = {kind: one.summary() for kind, one in side.against_gold.items()}
    if side.in_images is not None:
        values["in_images"] = dataclasses.asdict(side.in_images) | {"share": round(side.in_images.share, 4)}
    return values


def _describe(
    comparison: "ParseComparison", names: tuple[str, str], costs: tuple[dict[str, str], dict[str, str]]
) -> str:
    lines = [
        f"{len(comparison.rows):,} captions in both; {comparison.only_first:,} only in A, "
        f"{comparison.only_second:,} only in B"
    ]
    for kind, one in comparison.agreement.items():
        lines.append(
            f"{kind}s: F1 of the two {one.f1:.3f}; A {one.first:,} tags, B {one.second:,}, both {one.both:,}"
        )
        for letter, only in (("A", one.only_first), ("B", one.only_second)):
            ranked = sorted(only.items(), key=lambda item: (-item[1], item[0]))[:TOP]
            lines.append(f"  only {letter}: {', '.join(f'{tag} {count}' for tag, count in ranked) or 'none'}")
    for letter, name, side, cost in zip(
        "AB", names, (comparison.first, comparison.second), costs, strict=True
    ):
        lines.append(f"{letter} {name}: {', '.join(_side_facts(side, cost))}")
    return "\n".join(lines)


def _side_facts(side: "Side", cost: dict[str, str]) -> Iterator[str]:
    for kind, one in side.against_gold.items():
        yield f"{kind} F1 {one.f1:.3f} against gold"
    share = side.inventions / max(side.tags, 1)
    yield f"{side.inventions:,} of {side.tags:,} tags ({share:.1%}) not supported by their captions"
    if side.in_images is not None:
        seen = side.in_images
        yield f"{seen.share:.1%} of {seen.judged:,} object tags are in the image"
    for name, value in cost.items():
        yield f"{name} {value}"


def _write(
    settings: "CompareSettings",
    comparison: "ParseComparison",
    values: dict[str, Any],
    costs: tuple[dict[str, str], dict[str, str]],
) -> None:
    from tagalign.atomic import atomic_write
    from tagalign.pages.parses import render_comparison

    folder = settings.out
    if folder is None:
        return
    names = (_short(settings.first, settings.second), _short(settings.second, settings.first))
    files = {
        "comparison.html": render_comparison(comparison, names, costs=costs, examples=settings.shown),
        "comparison.json": json_text(values, indent=1) + "\n",
    }
    for name, text in files.items():
        with atomic_write(folder / name) as temp:
            temp.write_text(text, encoding="utf-8")
    print(f"side by side in {folder / 'comparison.html'}", file=sys.stderr)


def _short(path: Path, other: Path) -> str:
    """The folder's own name where that is enough to tell the two apart."""
    return path.name if path.name != other.name else str(path)
