"""Formats of other tools, one file each; a new file here is a new word for ``tagalign import annotations --read-as``."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tagalign.data.annotations.reader import AnnotationReader
from tagalign.registry import Registry


@dataclass(frozen=True, kw_only=True)
class ReaderEntry:
    """What a file of this folder registers.

    Attributes:
        summary: what it is, in one line.
        looks_like: whether a file or folder seems to be of this format; reads a little of it and never raises.
        read: its reader.
        photos: where the photos lie by the format's own custom: the first of these folders, from the file or folder on.
    """

    summary: str
    looks_like: Callable[[Path], bool]
    read: AnnotationReader
    photos: tuple[str, ...] = (".",)


READERS: Registry[ReaderEntry] = Registry("annotation format", __name__)
