"""What a format of other tools is given, and what it tells of what it wrote."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from tagalign.errors import InputError

if TYPE_CHECKING:
    from tagalign.export.records import Annotated


@dataclass(frozen=True, kw_only=True, eq=False)
class RunResults:
    """What ``tagalign tag`` or ``tagalign segment`` left in a folder; each part is read when it is asked for.

    Attributes:
        images: with masks, tags, or both, in the order of their names.
        names: of the labels of the run.
        photos: folder that the names of the images are relative to; None where it is not here.
    """

    images: "Callable[[], Iterator[Annotated]]"
    names: Callable[[], tuple[str, ...]]
    photos: Callable[[], Path | None] = field(default=lambda: None)


@dataclass(frozen=True)
class Written:
    """How many of what, ``3, "image"``; and what the other tool needs beside it, in words."""

    count: int
    what: str
    then: str = ""


@runtime_checkable
class Format(Protocol):
    """A format: a frozen dataclass whose fields are its flags (``option_fields.option``)."""

    @property
    def out(self) -> Path:
        """File or folder that is written."""
        ...

    def write(self, results: RunResults) -> Written:
        """Write everything; each file appears whole or not at all."""
        ...


def check_area(min_area: int) -> None:
    """Refuse a smallest area that is none.

    Raises:
        InputError: below 0.
    """
    if min_area < 0:
        raise InputError(f"--min-area must be at least 0, got {min_area}")
