"""Bars on a terminal: of things, of steps, of rows. In a pipe a line now and then takes their place."""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sized
from typing import Any

from tagalign.backbones.hub.progress import TerminalBar
from tagalign.cli.shared.lines import EVERY_S, Pace, paced


def progress(items: Iterable[Any], description: str, *, total: int | None = None) -> Iterator[Any]:
    """Pass items on with a bar, a rate and the time left on a terminal."""
    if not sys.stderr.isatty():
        yield from paced(items, description, total=total)
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    total = len(items) if total is None and isinstance(items, Sized) else total
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(description, total=total, rate="")
        for item in items:
            yield item
            speed = bar.tasks[task].speed
            bar.update(task, advance=1, rate=f"{speed:.1f}/s" if speed else "")


class StepBar(TerminalBar):
    """A bar with rate and time left.

    Use it as a context manager: a bar hides the cursor of the terminal, and work that is stopped or fails on its way never
    comes to the step that shows it again.

    Args:
        description: what is being done.
        total: steps in all; None where nobody knows.
        every_s: seconds between two lines in a pipe, at least.
    """

    def __init__(self, description: str, total: int | None, *, every_s: float = EVERY_S) -> None:
        self._task: Any = None
        self._pace = None if sys.stderr.isatty() else Pace(description, total, every_s=every_s)
        if self._pace is not None:
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

    def __enter__(self) -> "StepBar":
        return self

    def to(self, done: int) -> None:
        """Show how much is done."""
        if self._pace is not None:
            self._pace.to(done)
        if self._task is not None:
            self._bar.start()
            self._bar.update(self._task, completed=done)

    def step(self, done: int, steps: int, numbers: Mapping[str, float]) -> None:
        """Show a step and the last logged numbers."""
        shown = (
            f"loss {numbers['loss']:.3f}, {numbers['images_per_s']:.0f} images/s" if "loss" in numbers else ""
        )
        if self._pace is not None:
            self._pace.to(done, lambda: shown)
        if self._task is None:
            return
        self._bar.start()
        self._bar.update(self._task, completed=done, numbers=shown)
        if done == steps:
            # what is measured and written behind the last step has lines of its own
            self.close()


class RowProgress(TerminalBar):
    """Use it as a context manager; ``advance`` may be handed on as a callback.

    Args:
        description: what is being done.
        note: text shown behind the rate, asked for at every step (tokens, price).
    """

    def __init__(self, description: str, *, note: Any = None) -> None:
        self._description, self._note = description, note
        self._pace = None if sys.stderr.isatty() else Pace(f"{description}, rows", None)
        self.rows = 0

    def __enter__(self) -> "RowProgress":
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

            self._bar = Progress(
                SpinnerColumn(),
                TextColumn("{task.description}"),
                TextColumn("{task.completed:,.0f} rows {task.fields[rate]}"),
                TimeElapsedColumn(),
                TextColumn("{task.fields[note]}"),
                console=Console(stderr=True),
                transient=True,
            )
            self._bar.start()
            self._task = self._bar.add_task(self._description, total=None, rate="", note="")
        return self

    def advance(self, rows: int) -> None:
        """Count rows that were just finished."""
        self.rows += rows
        if self._pace is not None:
            self._pace.to(self.rows, self._note or str)
        if self._bar is not None:
            speed = self._bar.tasks[self._task].speed
            note = self._note() if self._note else ""
            self._bar.update(self._task, advance=rows, rate=f"{speed:,.0f}/s" if speed else "", note=note)
