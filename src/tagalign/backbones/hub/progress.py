"""The one bar of a fetch: size, speed, time left, over all files together. In a pipe, a line now and then instead."""

import sys
import time
from types import TracebackType
from typing import Any

QUIET_S = 15.0
"""In a pipe: seconds between two lines."""


def megabytes(count: int) -> str:
    """``599 MB``, ``4.5 GB``: decimal, as hubs and disks count."""
    if count >= 10**9:
        return f"{count / 1e9:.1f} GB"
    return f"{count / 1e6:.0f} MB" if count >= 10**6 else f"{max(count, 1) / 1e3:.0f} kB"


class TerminalBar:
    """A bar of rich on standard error, taken away at the end; none where that is no terminal."""

    _bar: Any = None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Take the bar away and give the cursor back; again is as good as once."""
        if self._bar is not None:
            self._bar.stop()


class FetchBar(TerminalBar):
    """Counts bytes on standard error.

    Args:
        total: bytes of all files.
        what: the name of the model.
    """

    def __init__(self, total: int, what: str) -> None:
        self.total, self.what, self.done = total, what, 0
        self._said = time.monotonic()

    def __enter__(self) -> "FetchBar":
        if sys.stderr.isatty():
            self._bar = _rich_bar()
            self._bar.start()
            self._task = self._bar.add_task(self.what, total=self.total)
        return self

    def add(self, count: int) -> None:
        """So many bytes more; fewer than none where a hub began a file anew."""
        self.done += count
        if self._bar is not None:
            self._bar.update(self._task, advance=count)
        elif time.monotonic() - self._said > QUIET_S:
            self._said = time.monotonic()
            print(
                f"{self.what}: {megabytes(self.done)} of {megabytes(self.total)}", file=sys.stderr, flush=True
            )

    def for_client(self) -> type:
        """A class that the hub's client takes for its own bars: all of them move this one."""
        owner = self

        class ClientBar:
            """The part of tqdm's face that the client uses."""

            def __init__(self, *_: Any, total: Any = None, initial: Any = 0, **__: Any) -> None:
                self.total, self.n, self.disable = total, initial, True
                owner.add(int(initial or 0))

            def update(self, count: Any = 1) -> None:
                self.n += int(count or 0)
                owner.add(int(count or 0))

            def update_transfer(self, count: Any = 1) -> None:
                """Packed bytes on the wire, which the same bytes above are made of."""

            def set_transfer_postfix_str(self, *_: Any, **__: Any) -> None: ...

            def __enter__(self) -> Any:
                return self

            def __exit__(self, *_: object) -> None: ...

            def close(self) -> None: ...

            def refresh(self, *_: Any, **__: Any) -> None: ...

            def reset(self, total: Any = None) -> None:
                self.total = total

            def set_description(self, *_: Any, **__: Any) -> None: ...

            def set_postfix_str(self, *_: Any, **__: Any) -> None: ...

        return ClientBar


def _rich_bar() -> Any:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=Console(stderr=True), transient=True)
