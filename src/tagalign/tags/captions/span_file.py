"""A file from which spans of bytes are read, by several threads and by forked processes, on every system."""

import os
import threading
from pathlib import Path
from typing import BinaryIO


class SpanFile:
    """A file that stays open until it is closed, or nobody has it any more.

    Args:
        path: of the file.

    Raises:
        OSError: if it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._file: BinaryIO = path.open("rb", buffering=0)
        self._turn = threading.Lock()

    def __del__(self) -> None:
        if hasattr(self, "_file"):
            self.close()

    def close(self) -> None:
        """Nothing is read any more."""
        self._file.close()

    def read(self, start: int, length: int) -> bytes:
        """So many bytes from there on; fewer where the file ends."""
        if hasattr(os, "pread"):  # forked processes share the place in the file, so it is not used
            return os.pread(self._file.fileno(), length, start)
        with self._turn:  # Windows: it knows no other way, and no fork
            self._file.seek(start)
            return self._file.read(length)
