"""Folders for the time of a process: whoever makes one does not leave it on the disk."""

import atexit
import shutil
import tempfile
import threading
from collections import deque
from pathlib import Path


def folder_of_process(name: str) -> Path:
    """A new folder of temporary files, removed when this process ends (not when it is killed).

    Args:
        name: what its files are, a part of the folder's name.
    """
    folder = Path(tempfile.mkdtemp(prefix=f"tagalign-{name}-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


class PassingFolders:
    """New folders for files that are soon handed on: the oldest goes where there are more than ``most``.

    Args:
        name: what the files are, a part of the folders' names.
        most: folders that are kept at once.

    Example:
        >>> folders = PassingFolders("example", most=1)
        >>> first, second = folders.new(), folders.new()
        >>> first.exists(), second.exists()
        (False, True)
    """

    def __init__(self, name: str, *, most: int) -> None:
        self._name = name
        self._most = most
        self._root: Path | None = None
        self._kept: deque[Path] = deque()
        self._lock = threading.Lock()

    def new(self) -> Path:
        """An empty folder that nobody else is given."""
        with self._lock:
            if self._root is None:
                self._root = folder_of_process(self._name)
            folder = Path(tempfile.mkdtemp(dir=self._root))
            self._kept.append(folder)
            if len(self._kept) > self._most:
                shutil.rmtree(self._kept.popleft(), ignore_errors=True)
        return folder
