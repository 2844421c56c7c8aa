"""Photos below a folder: every one once, whatever links, locks and loops stand in the way."""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tagalign.backbones.image_formats import image_suffixes
from tagalign.tasks.photos.keys import printable
from tagalign.tasks.photos.source import PhotoSource
from tagalign.tasks.photos.tars import is_tar, members

Inode = tuple[int, int]

SHEET = "sheet.jpg"
"""The one picture that runs without files of single photos write into their folder (``tagalign tag --sheet``)."""


@dataclass(kw_only=True)
class Walk:
    """Searches folders; what it has searched it does not search again.

    Attributes:
        results: folder of the run's own results, which is not searched.
        left_out: how many files of which ending were no photos.
        passed: folders of results that were not searched.
    """

    results: Path | None = None
    left_out: Counter[str] = field(default_factory=Counter)
    passed: list[str] = field(default_factory=list)
    _seen: set[Inode] = field(default_factory=set)

    def below(self, folder: str) -> Iterator[PhotoSource]:
        """Photos and tars of a folder and of those below it, each folder in the order of names.

        What cannot be searched (no permission, a loop of links, a folder that is reached twice) comes as a source with
        its problem. Folders that hold results of a run are passed over, the given one aside.
        """
        root = os.path.realpath(folder)
        self._seen.add(_inode(folder))
        # instead of recursion: trees can be deeper than Python's stack
        open_folders = [self._entries(folder, root)]
        while open_folders:
            for found in open_folders[-1]:
                if isinstance(found, str):
                    open_folders.append(self._entries(found, root))
                    break
                yield found
            else:
                open_folders.pop()

    def has_seen(self, folder: str) -> bool:
        """Whether a folder was searched already."""
        return _inode(folder) in self._seen

    def _entries(self, folder: str, root: str) -> Iterator[PhotoSource | str]:
        """Photos of a folder, and the folders in it that are to be searched."""
        try:
            with os.scandir(folder) as entries:
                names = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            yield PhotoSource(path=folder, problem=f"the folder cannot be searched ({error.strerror})")
            return
        sheet = SHEET if self._is_results(folder) else None  # results may lie in the folder that was given
        for entry in names:
            try:
                if entry.name == sheet:
                    continue
                if entry.is_dir():
                    yield from self._subfolder(entry, root)
                else:
                    yield from self._file(entry)
            except OSError as error:  # a link that leads to itself, or a folder that went away
                yield PhotoSource(path=entry.path, problem=f"cannot be followed ({error.strerror})")

    def _subfolder(self, entry: "os.DirEntry[str]", root: str) -> Iterator[PhotoSource | str]:
        inode = _inode(entry.path)
        target = os.path.realpath(entry.path)
        if entry.is_symlink() and (
            inode in self._seen or _is_inside(target, root) or _is_inside(root, target)
        ):
            # found under its own name, or a loop
            problem = f"a link to {printable(target)}, which is searched under one name only"
            yield PhotoSource(path=entry.path, problem=problem)
        elif inode in self._seen:
            return  # an input of its own
        elif self._is_results(entry.path):
            self.passed.append(entry.path)
        else:
            self._seen.add(inode)
            yield entry.path

    def _is_results(self, folder: str) -> bool:
        if self.results is not None and os.path.realpath(folder) == os.path.realpath(self.results):
            return True
        # what a run of ours writes first
        return any(Path(folder).glob("run-[0-9]*-of-[0-9]*.json"))

    def _file(self, entry: "os.DirEntry[str]") -> Iterator[PhotoSource]:
        ending = os.path.splitext(entry.name)[1].lower()  # noqa: PTH122 - a million Path objects are slow
        if is_tar(entry.name):
            yield from members(entry.path)
        elif ending in image_suffixes():
            yield PhotoSource(path=entry.path)
        elif not entry.name.startswith("."):
            self.left_out[ending] += 1


def _inode(folder: str) -> Inode:
    found = os.stat(folder)  # noqa: PTH116
    return found.st_dev, found.st_ino


def _is_inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)
