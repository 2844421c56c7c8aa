"""A bar that advances by many rows at a time, with rate and time left; silent in a pipe."""

import sys
from types import TracebackType
from typing import Any


class RowProgress:
    """Use it as a context manager; ``advance`` may be handed on as a callback.

    Args:
        description: what is being done.
        note: text shown behind the rate, asked for at every step (tokens, price).
    """

    def __init__(self, description: str, *, note: Any = None) -> None:
        self._description, self._note = description, note
        self._bar: Any = None
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

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def advance(self, rows: int) -> None:
        """Counts rows that were just finished."""
        self.rows += rows
        if self._bar is not None:
            speed = self._bar.tasks[self._task].speed
            note = self._note() if self._note else ""
            self._bar.update(self._task, advance=rows, rate=f"{speed:,.0f}/s" if speed else "", note=note)
