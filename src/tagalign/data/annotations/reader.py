"""What a format of other tools is read from and what it yields."""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar, runtime_checkable

from tagalign.data.annotations.records import Marked, MarkedPhoto
from tagalign.data.annotations.told import LeftOut
from tagalign.errors import DataError
from tagalign.labels import Size
from tagalign.ops.polygon_masks import TooFewCorners

T = TypeVar("T")
SizeOf = Callable[[str], Size | None]
"""Size of the upright photo of a name; None where it is not found."""

Advance = Callable[[int], None]

POLYGONS_TOO_SMALL = "left out: polygons with fewer than three corners"
DAMAGED = "left out: damaged regions"
NO_LABEL = "left out: regions without a label"
EMPTY = "left out: masks without a pixel"
UNKNOWN_SHAPES = "left out: shapes that are no region"
UNREADABLE = "left out: files that cannot be read"
NO_SIZE = "left out: photos of unknown size"
SILENT_EMPTY = "taken as empty: photos of which the annotations say nothing"
SILENT_LEFT_OUT = (
    "left out: photos of which the annotations say nothing; --missing-is-empty takes them as empty"
)


@dataclass(kw_only=True)
class AnnotationSource:
    """What a reader is given.

    Attributes:
        path: of the file or the folder.
        size_of: for formats that do not say how large their photos are.
        place_of: where the photo of a name lies in the folder; None where it is not found.
        places: of all photos of the folder, for formats with a file or lines per photo.
        missing_is_empty: that a photo of which the annotations say nothing holds nothing.
        told: takes what is left out.
        advance: is told now and then how many entries more were read.
        names: labels that the file knows, also those that no photo has, in its order; readers add them.
    """

    path: Path
    size_of: SizeOf = field(default=lambda name: None)
    place_of: Callable[[str], str | None] = field(default=lambda name: None)
    places: Callable[[], Iterable[str]] = field(default=lambda: ())
    missing_is_empty: bool = False
    told: LeftOut = field(default_factory=LeftOut)
    advance: Advance = field(default=lambda entries: None)
    names: dict[str, None] = field(default_factory=dict)

    def knows(self, names: Iterable[str]) -> None:
        """Take in names of labels."""
        self.names |= dict.fromkeys(filter(None, names))


@runtime_checkable
class AnnotationReader(Protocol):
    """Yields the photos of a source, one by one.

    A damaged region costs itself and a damaged photo itself, both are told; a damaged file raises ``DataError``.
    """

    def __call__(self, source: AnnotationSource, /) -> Iterator[MarkedPhoto]:
        """The photos."""
        ...


def silent_photos(source: AnnotationSource, names: Iterable[str]) -> Iterator[MarkedPhoto]:
    """The photos of the folder of which the annotations say nothing, where that says that nothing is in them; all are told.

    Nobody can see from a missing file whether its photo was judged: who trains YOLO takes it for one without objects, who
    is half-way through a folder has not come to it.

    Args:
        source: that was read.
        names: of the photos that it speaks of.
    """
    spoken = {source.place_of(name) for name in names}
    for place in source.places():
        if place in spoken:
            continue
        source.told.say(SILENT_EMPTY if source.missing_is_empty else SILENT_LEFT_OUT, place)
        if source.missing_is_empty:
            yield MarkedPhoto(name=place)


def made(
    source: AnnotationSource, photo: str, make: Callable[[], Marked | None], *, what: str = ""
) -> Marked | None:
    """A region, or None with the reason told: whatever stands in a file must not end the reading of it.

    Args:
        source: that is read.
        photo: its name, for people.
        make: makes the region; gives None for a mask without a pixel.
        what: the label, for people.
    """
    region = tried(source, photo, partial(_finite, make), what=what)
    if region is not None and region[0] is None:
        source.told.say(EMPTY, photo, what)
    return None if region is None else region[0]


def tried(source: AnnotationSource, photo: str, make: Callable[[], T], *, what: str = "") -> T | None:
    """What is made, or None with the reason told; see ``made``."""
    try:
        return make()
    except TooFewCorners as error:
        source.told.say(POLYGONS_TOO_SMALL, photo, f"{what} {error}".strip())
    except (DataError, ArithmeticError, LookupError, TypeError, ValueError, AttributeError) as error:
        source.told.say(DAMAGED, photo, f"{what} {error}".strip())
    return None


def _finite(make: Callable[[], Marked | None]) -> tuple[Marked | None]:
    """In a tuple: a mask without a pixel is None, and so is what could not be made."""
    region = make()
    if region is not None and not all(map(math.isfinite, region.box)):
        raise DataError("a box without an end; its numbers are too large")
    return (region,)
