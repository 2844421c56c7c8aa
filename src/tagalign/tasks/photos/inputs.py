"""What was typed becomes photos: files, folders, patterns, lists, tars, data sets, or paths on standard input."""

import glob
import itertools
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tagalign.backbones.image_formats import image_suffixes
from tagalign.errors import InputError
from tagalign.tasks.photos.hub_datasets import hub_photos, is_hub_dataset, refuse_without_package
from tagalign.tasks.photos.keys import printable
from tagalign.tasks.photos.lists import LIST_SUFFIXES, listed_paths, paths_of
from tagalign.tasks.photos.source import PhotoSource
from tagalign.tasks.photos.tars import is_tar, members
from tagalign.tasks.photos.walk import Walk

SHOWN_ENDINGS = 6


@dataclass(kw_only=True)
class Inputs:
    """The photos that some inputs mean, in a fixed order, each once, one at a time.

    Files that are named one by one are taken as they are, whatever their ending, so that a wrong one is reported.

    Attributes:
        items: image files, folders (searched below), patterns, lists of paths (``.txt``, ``.lst``), uncompressed tars,
            data sets (``hf://NAME``, see ``hub_datasets``), or ``-`` for ``lines``.
        lines: paths for ``-``, one per line; bytes or text.
        results: folder of the run's own results, which is never an input.
    """

    items: Sequence[str]
    lines: Iterable[bytes] | Iterable[str] = ()
    results: Path | None = None
    walk: Walk = field(init=False)
    _seen: set[int] | None = None

    def __post_init__(self) -> None:
        _refuse_none(self.items)
        self.walk = Walk(results=self.results)

    def __iter__(self) -> Iterator[PhotoSource]:
        """All photos.

        Raises:
            InputError: if an input means no photo at all.
        """
        one_folder = len(self.items) == 1 and os.path.isdir(self.items[0])  # noqa: PTH112
        self._seen = None if one_folder else set()
        for item in self.items:
            if os.path.isdir(item) and self.walk.has_seen(item):  # noqa: PTH112
                continue
            sources = self._expand(item)
            first = next(sources, None)
            if first is None:
                raise InputError(f"{item}: {_why_nothing(item)}")
            yield from (source for source in itertools.chain([first], sources) if self._is_new(source))

    def notes(self) -> list[str]:
        """What was left out, for people; to be asked when all photos have come."""
        said = [f"{printable(folder)}: holds results, not searched" for folder in self.walk.passed]
        if left := self.walk.left_out:
            said.append(f"{sum(left.values())} files are no photos that can be read here: {_endings(left)}")
        return said

    def _is_new(self, source: PhotoSource) -> bool:
        """Two inputs can mean one photo; 64-bit hashes instead of paths keep this small."""
        if self._seen is None:
            return True
        mark = hash((os.path.abspath(source.path), source.member, source.problem))  # noqa: PTH100 - Path keeps ".."
        is_new = mark not in self._seen
        self._seen.add(mark)
        return is_new

    def _expand(self, item: str) -> Iterator[PhotoSource]:
        if item == "-":
            for path in paths_of(self.lines):
                yield from self._listed(path)
        elif is_hub_dataset(item):
            yield from hub_photos(item)
        elif os.path.isdir(item):  # noqa: PTH112
            yield from self.walk.below(item)
        elif not os.path.isfile(item):  # noqa: PTH113
            # a pattern, or nothing; a pipe or a device too has no file of its name
            found = sorted(glob.glob(item, recursive=True))  # noqa: PTH207 - Path.glob refuses absolute patterns
            for name in found:
                if os.path.isfile(name):  # noqa: PTH113
                    yield from self._file(name)
        else:
            yield from self._file(item)

    def _file(self, path: str) -> Iterator[PhotoSource]:
        if os.path.splitext(path)[1].lower() in LIST_SUFFIXES:  # noqa: PTH122
            for name in listed_paths(path):
                yield from self._listed(name)
        elif is_tar(path):
            yield from members(path)
        else:
            yield PhotoSource(path=path)

    def _listed(self, path: str) -> Iterator[PhotoSource]:
        """A line of a list; it is looked at only where its ending is no photo's, so that long lists cost no time."""
        if os.path.splitext(path)[1].lower() not in image_suffixes():  # noqa: PTH122
            if os.path.isdir(path):  # noqa: PTH112
                if not self.walk.has_seen(path):
                    yield from self.walk.below(path)
                return
            if is_tar(path) and os.path.isfile(path):  # noqa: PTH113
                yield from members(path)
                return
        yield PhotoSource(path=path)


def refuse_missing(items: Sequence[str]) -> None:
    """Say at once, before a model is opened, that an input is not there.

    Raises:
        InputError: naming it.
    """
    _refuse_none(items)
    for item in items:
        if is_hub_dataset(item):
            refuse_without_package(item)
        # a dangling link is there, and will be reported as a photo that cannot be opened
        elif item != "-" and not os.path.lexists(item) and not glob.glob(item, recursive=True):  # noqa: PTH207
            raise InputError(f"{item}: {_why_nothing(item)}")


def _refuse_none(items: Sequence[str]) -> None:
    if not items:
        raise InputError(
            "give at least one image: a file, a folder, a pattern, a list, a tar, hf://DATASET, or - for standard input"
        )


def standard_input() -> Iterable[bytes] | Iterable[str]:
    """Lines of standard input, as bytes where there are any; none where it is closed."""
    if sys.stdin is None or sys.stdin.closed:
        return ()
    return getattr(sys.stdin, "buffer", sys.stdin)


def _endings(left: Counter[str]) -> str:
    shown = [f"{count} {ending or 'without ending'}" for ending, count in left.most_common(SHOWN_ENDINGS)]
    more = len(left) - len(shown)
    return ", ".join(shown) + (f" and {more} more endings" if more else "")


def _why_nothing(item: str) -> str:
    if item == "-":
        return "no path came on standard input"
    if is_hub_dataset(item):
        return "the data set has no row"
    if os.path.isdir(item):  # noqa: PTH112
        return f"no image in this folder (looked for {', '.join(sorted(image_suffixes()))} and .tar)"
    if os.path.isfile(item):  # noqa: PTH113
        return "no image in it"
    if os.path.exists(item):  # noqa: PTH110
        return "a pipe or a device, no file; give - to read paths from standard input"
    return "no file matches this pattern" if glob.has_magic(item) else "no such file"
