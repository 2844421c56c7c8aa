"""A bar for work that reports its steps, and warnings that count instead of repeating themselves."""

import sys
from collections.abc import Mapping
from typing import Any


class CountedWarnings:
    """Pairs left out while a cache is filled, by reason; said once per reason and power of ten."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}

    def add(self, reason: str) -> None:
        """Count one, and say so when the count is a power of ten."""
        count = self.counts[reason] = self.counts.get(reason, 0) + 1
        if str(count).strip("0") == "1":
            print(f"warning: {count} pair(s) left out: {reason}", file=sys.stderr)


class StepBar:
    """A bar with rate and time left on a terminal; nothing in a pipe."""

    def __init__(self, description: str, total: int | None) -> None:
        self._task: Any = None
        if not sys.stderr.isatty():
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn(description),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[numbers]}"),
            TimeRemainingColumn(),
        )
        self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
        self._task = self._bar.add_task(description, total=total, numbers="")

    def to(self, done: int) -> None:
        """Show how much is done."""
        if self._task is not None:
            self._bar.start()
            self._bar.update(self._task, completed=done)

    def step(self, done: int, steps: int, numbers: Mapping[str, float]) -> None:
        """Show a step and the last logged numbers."""
        if self._task is None:
            return
        self._bar.start()
        shown = f"loss {numbers['loss']:.3f}, {numbers['images_per_s']:.0f} images/s" if numbers else ""
        self._bar.update(self._task, completed=done, numbers=shown)
        if done == steps:
            self._bar.stop()
