"""Is this folder the benchmark? What was found, what is missing, and how it should look."""

from dataclasses import dataclass
from pathlib import Path

from tagalign.data.benchmarks.catalog import Benchmark, find_benchmark, open_benchmark
from tagalign.errors import TagalignError

SHOWN_MISSING = 3


@dataclass(frozen=True, kw_only=True)
class SplitCheck:
    """What was found of one split.

    Attributes:
        split: its name.
        found: how many of the benchmark's unit are listed.
        expected: how many there should be; 0 where there is no official number.
        missing: files that the lists name and the folder lacks.
        problem: why the split could not be opened; None when it could.
    """

    split: str
    found: int
    expected: int
    missing: tuple[Path, ...] = ()
    problem: str | None = None

    @property
    def complete(self) -> bool:
        """Whether a number on this split could be printed."""
        return self.problem is None and not self.missing and self.found == (self.expected or self.found)


def check_benchmark(name: str, path: str | Path | None) -> list[SplitCheck]:
    """Look at all splits of a benchmark; only lists and annotations are read, images and masks are looked for.

    Raises:
        UnknownNameError: for an unknown benchmark.
    """
    benchmark = find_benchmark(name)
    return [check_split(benchmark, path, split) for split in benchmark.splits]


def check_split(benchmark: Benchmark, path: str | Path | None, split: str) -> SplitCheck:
    """Look at one split; see ``check_benchmark``."""
    expected = benchmark.splits[split]
    try:
        opened = open_benchmark(benchmark.name, path, split)
    except TagalignError as error:
        return SplitCheck(split=split, found=0, expected=expected, problem=str(error))
    found = sum(opened.count(i) for i in range(len(opened))) if opened.unit != "images" else len(opened)
    return SplitCheck(split=split, found=found, expected=opened.expected, missing=tuple(opened.missing()))


def describe_check(benchmark: Benchmark, checks: list[SplitCheck]) -> str:
    """The checks as lines of text: one per split, then up to three missing files each."""
    lines = []
    for check in checks:
        of = f" of {check.expected:,}" if check.expected else ""
        if check.problem is not None:
            lines.append(f"  {check.split:<12} not usable: {check.problem}")
            continue
        state = "complete" if check.complete else "NOT complete"
        lines.append(
            f"  {check.split:<12} {check.found:,}{of} {benchmark.unit}, {len(check.missing):,} files missing: {state}"
        )
        lines += [f"    missing {path}" for path in check.missing[:SHOWN_MISSING]]
        if (rest := len(check.missing) - SHOWN_MISSING) > 0:
            lines.append(f"    and {rest:,} more")
    return "\n".join(lines)
