"""Pairs in a folder: ``NAME.jpg`` with its caption in ``NAME.txt`` or ``NAME.json``, like an unpacked tar."""

import functools
from pathlib import Path

from tagalign.data.pair_records import Pair, ShardRef, pair_of
from tagalign.tags.captions import ReadRow, RowRule
from tagalign.tags.captions.folders import FolderSample, folder_samples
from tagalign.tags.captions.sources import files_below

FOLDER_PIECE = 1000  # images that make one shard


@functools.lru_cache(maxsize=2)
def _samples(folder: Path) -> tuple[FolderSample, ...]:
    return tuple(folder_samples(folder, files_below(folder)))


def folder_pieces(folder: Path) -> list[ShardRef]:
    """The shards of a folder of images; none when there is no image."""
    _samples.cache_clear()  # the folder may have changed since it was looked at
    count = len(_samples(folder))
    starts = range(0, count, FOLDER_PIECE)
    return [ShardRef(path=folder, kind="folder", start=s, end=min(s + FOLDER_PIECE, count)) for s in starts]


class FolderShard:
    """Some of the images of a folder, by name; the key is the path below the folder without its ending."""

    def __init__(self, ref: ShardRef) -> None:
        self.folder = ref.path
        self._rule = RowRule.of(ref.path)
        self._samples = _samples(ref.path)[ref.start : ref.end]

    def __len__(self) -> int:
        return len(self._samples)

    def row(self, number: int) -> ReadRow:
        """Key and caption of one image."""
        return self._samples[number].row(self.folder, self._rule)

    def pair(self, number: int) -> Pair:
        """One image with its caption."""
        photo = self._samples[number].photo
        row = self.row(number)
        return pair_of(row._replace(image=str(photo)) if isinstance(row, tuple) else row, str(photo), Path())
