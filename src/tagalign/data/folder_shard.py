"""Pairs in a folder: ``NAME.jpg`` with its caption in ``NAME.txt`` or ``NAME.json``, like an unpacked tar."""

import functools
from pathlib import Path

from tagalign.data.pair_records import IMAGE_ENDINGS, Pair, ShardRef, caption_of

FOLDER_PIECE = 1000  # images that make one shard


@functools.lru_cache(maxsize=2)
def _images(folder: Path) -> tuple[Path, ...]:
    found = (p for p in folder.rglob("*") if p.suffix.lower().lstrip(".") in IMAGE_ENDINGS and p.is_file())
    return tuple(sorted(found))


def folder_pieces(folder: Path) -> list[ShardRef]:
    """The shards of a folder of images; none when there is no image."""
    count = len(_images(folder))
    starts = range(0, count, FOLDER_PIECE)
    return [ShardRef(path=folder, kind="folder", start=s, end=min(s + FOLDER_PIECE, count)) for s in starts]


class FolderShard:
    """Some of the images of a folder, by name; the key is the path below the folder without its ending."""

    def __init__(self, ref: ShardRef) -> None:
        self.folder = ref.path
        self._paths = _images(ref.path)[ref.start : ref.end]

    def __len__(self) -> int:
        return len(self._paths)

    def pair(self, number: int) -> Pair:
        """One image with its caption."""
        path = self._paths[number]
        caption = caption_of(_read(path.with_suffix(".txt")), _read(path.with_suffix(".json")), str(path))
        key = path.relative_to(self.folder).with_suffix("").as_posix()
        return Pair(key=key, image=path, caption=caption)


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None
