"""One image with one caption, the file it stands in, and the ways in which it can be unusable."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from tagalign.errors import DataError

IMAGE_ENDINGS = frozenset({"jpg", "jpeg", "png", "webp", "bmp", "gif", "tif", "tiff"})


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

    def pair(self, number: int) -> Pair:
        """One pair.

        Raises:
            BrokenPairError: if it has no caption or no image.
        """
        ...


def checked_caption(caption: Any, place: str) -> str:
    """A caption with its outer blanks removed.

    Raises:
        BrokenPairError: if there is none, or it is empty or no text.
    """
    if not isinstance(caption, str) or not caption.strip():
        raise BrokenPairError("no caption", place)
    return caption.strip()


def caption_of(text: bytes | None, record: bytes | None, place: str) -> str:
    """The caption of a sample with side files ``KEY.txt`` or, without one, ``KEY.json``.

    Raises:
        BrokenPairError: if neither holds one.
    """
    if text is not None:
        return checked_caption(text.decode("utf-8", errors="replace"), place)
    if record is None:
        raise BrokenPairError("no caption", place)
    try:
        values = json.loads(record)
    except (ValueError, RecursionError):
        raise BrokenPairError("no caption", place) from None
    return checked_caption(values.get("caption") if isinstance(values, dict) else None, place)
