"""``tagalign data list``, ``check NAME PATH``, ``fake NAME``: benchmarks, checks of a copy, drawn copies for rehearsals."""

import dataclasses
from pathlib import Path
from typing import Annotated, Literal

import tyro

from tagalign.cli.shared.bars import progress
from tagalign.cli.shared.output import print_json
from tagalign.errors import InputError


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataSettings:
    """List the benchmarks, check a copy of one, or draw one.

    tagalign data list                     all benchmarks: images, sizes, licences, where to get them
    tagalign data check voc21 VOCdevkit    what was found, what is missing, how it should look
    tagalign data fake voc21 --out DRAWN   the same layout and sizes, filled with drawn shapes

    Example: tagalign data check voc21 VOCdevkit
    Example: tagalign data fake coco-stuff --out drawn/coco-stuff --images 50
    """

    action: Annotated[Literal["list", "check", "fake"], tyro.conf.Positional]
    """`list`, `check` or `fake`."""
    name: Annotated[str | None, tyro.conf.Positional] = None
    """Name of a benchmark."""
    path: Annotated[Path | None, tyro.conf.Positional] = None
    """Its folder; without one, `check` shows the expected layout alone."""
    out: Path | None = None
    """fake: the new folder."""
    split: str | None = None
    """fake: which split; by default the one that papers report."""
    images: int | None = None
    """fake: how many pictures; by default as many as the benchmark has."""
    seed: int = 0
    """fake: of the drawing."""
    json: bool = False
    """Print one JSON object per benchmark or split on standard output."""


def run(settings: DataSettings) -> int:
    """List, check or draw; a folder that is not the whole benchmark gives exit code 2."""
    _refuse_idle(settings)
    if settings.action == "list":
        if settings.name is not None:
            raise InputError(f"list takes no name; did you mean: tagalign data check {settings.name}")
        return _list(settings)
    if settings.action == "fake":
        return _fake(settings)
    if settings.name is None:
        raise InputError(
            "check needs a name, and a folder: tagalign data check voc21 FOLDER; tagalign data list shows all"
        )
    return _check(settings, settings.name)


DRAWING = ("out", "split", "images", "seed")


def _refuse_idle(settings: DataSettings) -> None:
    """Refuse flags that the action would not read."""
    defaults = {field.name: field.default for field in dataclasses.fields(DataSettings)}
    if settings.action == "fake":
        if settings.path is not None:
            raise InputError(f"fake writes to --out; did you mean: --out {settings.path}")
    elif given := [f"--{name}" for name in DRAWING if getattr(settings, name) != defaults[name]]:
        raise InputError(f"{', '.join(given)}: for tagalign data fake alone")


def _fake(settings: DataSettings) -> int:
    from tagalign.data.rehearsal import write_copy

    if settings.name is None or settings.out is None:
        raise InputError(
            "fake needs a name and a folder: tagalign data fake voc21 --out FOLDER; tagalign data list shows all"
        )
    copy = write_copy(
        settings.name, settings.out, split=settings.split, images=settings.images, seed=settings.seed,
        watch=lambda numbers, total: progress(numbers, f"drawing {settings.name}", total=total),
    )  # fmt: skip
    if settings.json:
        print_json(dataclasses.asdict(copy) | {"folder": str(settings.out)})
    else:
        print(
            f"{settings.out}: {copy.benchmark} {copy.split}, {copy.images:,} drawn pictures; "
            f"try: tagalign evaluate --data {copy.benchmark} --path {settings.out} --split {copy.split}"
        )
    return 0


def _list(settings: DataSettings) -> int:
    from tagalign.data.benchmarks.catalog import BENCHMARKS, NOT_TO_BE_HAD
    from tagalign.data.benchmarks.layouts import LAYOUTS

    kind = None
    width = max(map(len, BENCHMARKS)) + 2
    for benchmark in BENCHMARKS.values():
        layout = LAYOUTS[benchmark.layout]
        if settings.json:
            facts = {"source": layout.source, "licence": layout.licence, "size": layout.size}
            own = {
                "name": benchmark.name,
                "kind": benchmark.kind,
                "title": benchmark.title,
                "unit": benchmark.unit,
            }
            print_json(own | {"splits": dict(benchmark.splits)} | facts)
            continue
        if benchmark.kind != kind:
            kind = benchmark.kind
            print(f"\n{kind}")
        counts = ", ".join(
            f"{split} {count:,}" if count else split for split, count in benchmark.splits.items()
        )
        print(f"  {benchmark.name:<{width}}{benchmark.title}: {counts} {benchmark.unit}")
        print(f"  {'':<{width}}{layout.size}; {layout.licence}; {layout.source}")
    if not settings.json:
        print("\ncannot be had")
        for name, why in NOT_TO_BE_HAD.items():
            print(f"  {name:<{width}}{why}")
    return 0


def _check(settings: DataSettings, name: str) -> int:
    from tagalign.data.benchmarks.catalog import find_benchmark
    from tagalign.data.benchmarks.check import check_benchmark, describe_check
    from tagalign.data.benchmarks.drawn import drawn_copy_of
    from tagalign.data.benchmarks.layouts import LAYOUTS

    benchmark = find_benchmark(name)
    layout = LAYOUTS[benchmark.layout]
    if not settings.json:
        print(
            f"{benchmark.name}: {benchmark.title}\n\n{layout.tree}\n\nfrom {layout.source}\n{layout.licence}; {layout.size}"
        )
        if layout.note:
            print(layout.note)
    if settings.path is None and benchmark.layout != "tiny-world":
        return 0
    checks = check_benchmark(name, settings.path)
    if settings.json:
        for check in checks:
            print_json(
                dataclasses.asdict(check)
                | {"missing": [str(p) for p in check.missing], "complete": check.complete}
            )
    else:
        if drawn_copy_of(settings.path):
            print("\na drawn copy (tagalign data fake), not the data: its numbers mean nothing")
        print(f"\nfound in {settings.path}:\n{describe_check(benchmark, checks)}")
    # one whole split is enough to evaluate; the others may not have been fetched
    return 0 if any(check.complete for check in checks) else 2
