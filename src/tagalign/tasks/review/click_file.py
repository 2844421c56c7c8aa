"""A ``review.jsonl`` that is open while others append to it: another tab of a browser, another page on the same folder."""

import threading
from pathlib import Path

from tagalign.errors import DataError
from tagalign.tasks.review.clicks import (
    REVIEW_FILE,
    Click,
    Clicks,
    append_click,
    clicks_of_line,
    damage,
)


class ClickFile:
    """Clicks of a file, read on from where they were read before; the file is the truth, also about our own clicks.

    Attributes:
        path: of the file; it need not exist.
        clicks: what was read so far.
    """

    def __init__(self, path: Path) -> None:
        """Read what is there.

        Raises:
            DataError: if it cannot be read.
        """
        self.path = path
        self._lock = threading.RLock()
        self._begin()
        self.refresh()

    def _begin(self) -> None:
        self.clicks, self._read, self._lines = Clicks(), 0, 0

    def append(self, click: Click) -> Click:
        """Append a click, stamped with the time; it is on the disk when this returns.

        Raises:
            InputError: if the system refuses to write.
        """
        with self._lock:
            stamped = append_click(self.path, click)
            self.refresh()
            return stamped

    def refresh(self) -> None:
        """Take in what was appended since; all again where the file became shorter.

        Raises:
            DataError: if it cannot be read.
        """
        with self._lock:
            try:
                size = self.path.stat().st_size if self.path.exists() else 0
                if size < self._read:
                    self._begin()
                if size > self._read:
                    with self.path.open("rb") as file:
                        file.seek(self._read)
                        self._take(file.read())
            except OSError as error:
                raise DataError(
                    f"{self.path}: expected the {REVIEW_FILE} of a review ({error.strerror})"
                ) from error

    def _take(self, data: bytes) -> None:
        *lines, tail = data.split(b"\n")
        for line in lines:
            self._lines += 1
            self._add(line)
        self._read += len(data) - len(tail)
        # a line without its end may still be on its way; a whole click is one, the end that follows is an empty line
        if tail and clicks_of_line(tail)[1]:
            self._add(tail)
            self._read += len(tail)

    def _add(self, line: bytes) -> None:
        some, is_whole = clicks_of_line(line)
        for click in some:
            self.clicks.add(click)
        if not is_whole:
            self.clicks.notes.append(damage(self.path, self._lines, len(some)))
