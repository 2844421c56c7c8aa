"""One image with one caption, the file it stands in, and the ways in which it can be unusable."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from tagalign.errors import DataError
from tagalign.tags.captions import BadRow, ReadRow


@dataclass(frozen=True, kw_only=True, eq=False, slots=True)
class Pair:
    """An image-caption pair before anything is decoded.

    Attributes:
        key: joins it with its tag row.
        image: the encoded file, or where it lies.
        caption: not empty.
    """

    key: str
    image: bytes | Path
    caption: str


class BrokenPairError(DataError):
    """A pair that cannot be used; training skips it and counts the reason.

    Attributes:
        reason: one of a few fixed words, e.g. ``no caption``.
    """

    def __init__(self, reason: str, place: str) -> None:
        super().__init__(f"{place}: {reason}")
        self.reason = reason


@dataclass(frozen=True, kw_only=True, order=True)
class ShardRef:
    """A piece of a collection that is read as a whole: a tar, a range of a file, some images of a folder.

    Attributes:
        path: of the file or folder.
        kind: a name in ``pairs.SHARD_KINDS``.
        start: first byte, row group or file of the piece.
        end: one past the last; -1 is the end of the file.
    """

    path: Path
    kind: str
    start: int = 0
    end: int = -1


@runtime_checkable
class PairShard(Protocol):
    """The pairs of one shard by number; reading one does not read the others."""

    def __len__(self) -> int:
        """Number of pairs, broken ones included."""
        ...

    def row(self, number: int) -> ReadRow:
        """The key and the caption of one pair, as every reader of the file sees them; photos in a tar are not read."""
        ...

    def pair(self, number: int) -> Pair:
        """One pair.

        Raises:
            BrokenPairError: if it has no caption or no image.
        """
        ...


def pair_of(row: ReadRow, place: str, folder: Path) -> Pair:
    """The pair of a row of any caption source.

    Args:
        row: what the record came to; its image is a path, the encoded file, or both as ``datasets`` stores them.
        place: of the record, for messages.
        folder: that relative paths start from.

    Raises:
        BrokenPairError: if it has no caption or no image.
    """
    if isinstance(row, BadRow):
        raise BrokenPairError(row.reason, f"{place}: {row.message}")
    image = row.image
    if isinstance(image, dict):
        image = image.get("bytes") or image.get("path")
    if isinstance(image, str) and image.strip() and "\0" not in image:
        image = folder / image.strip()
    elif not isinstance(image, bytes) or not image:
        raise BrokenPairError("no image", place)
    return Pair(key=row.key, image=image, caption=row.caption)
