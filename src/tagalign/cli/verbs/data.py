"""``tagalign data list`` and ``tagalign data check NAME PATH``: which benchmarks there are, and is this one whole?"""

import dataclasses
from pathlib import Path
from typing import Annotated, Literal

import tyro

from tagalign.cli.shared.output import print_json
from tagalign.errors import InputError


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataSettings:
    """List the benchmarks, or check a copy of one.

    tagalign data list                       all benchmarks: images, sizes, licences, where people get them
    tagalign data check voc21 VOCdevkit      what was found, what is missing, how the folder should look

    Example: tagalign data check voc21 VOCdevkit
    """

    action: Annotated[Literal["list", "check"], tyro.conf.Positional]
    """`list` or `check`."""
    name: Annotated[str | None, tyro.conf.Positional] = None
    """Name of a benchmark."""
    path: Annotated[Path | None, tyro.conf.Positional] = None
    """Its folder; without one, `check` shows the expected layout alone."""
    json: bool = False
    """Print one JSON object per benchmark or split on standard output."""


def run(settings: DataSettings) -> int:
    """List, or check; a folder that is not the whole benchmark gives exit code 2."""
    if settings.action == "list":
        if settings.name is not None:
            raise InputError(f"list takes no name; did you mean: tagalign data check {settings.name}")
        return _list(settings)
    if settings.name is None:
        raise InputError(
            "check needs a name, and a folder: tagalign data check voc21 FOLDER; tagalign data list shows all"
        )
    return _check(settings, settings.name)


def _list(settings: DataSettings) -> int:
    from tagalign.data.benchmarks.catalog import BENCHMARKS, NOT_TO_BE_HAD
    from tagalign.data.benchmarks.layouts import LAYOUTS

    kind = None
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
        print(f"  {benchmark.name:<21}{benchmark.title}: {counts} {benchmark.unit}")
        print(f"  {'':<21}{layout.size}; {layout.licence}; {layout.source}")
    if not settings.json:
        print("\ncannot be had")
        for name, why in NOT_TO_BE_HAD.items():
            print(f"  {name:<21}{why}")
    return 0


def _check(settings: DataSettings, name: str) -> int:
    from tagalign.data.benchmarks.catalog import find_benchmark
    from tagalign.data.benchmarks.check import check_benchmark, describe_check
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
        print(f"\nfound in {settings.path}:\n{describe_check(benchmark, checks)}")
    # one whole split is enough to evaluate; the others may not have been fetched
    return 0 if any(check.complete for check in checks) else 2
