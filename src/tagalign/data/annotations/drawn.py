"""The regions of one photo on their way from what was drawn to masks, all together: one by one takes five times as long."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any

from tagalign.data.annotations.reader import EMPTY, AnnotationSource, tried
from tagalign.data.annotations.records import CornerBox, Marked
from tagalign.errors import DataError
from tagalign.labels import Size
from tagalign.ops.flips import Flips, boxes_of_flips, encode_flips, joined
from tagalign.ops.polygon_masks import Ring, flips_of_each, flips_or_raise


@dataclass(frozen=True, kw_only=True)
class Unpainted:
    """A region that has no mask yet.

    Attributes:
        label: its name.
        size: of the photo, as the drawing has it.
        rings: polygons that make it together.
        flips: the mask itself, where it came as one.
        about: the other fields of ``Marked``.
    """

    label: str
    size: Size
    rings: tuple[Ring, ...] = ()
    flips: Flips | None = None
    about: dict[str, Any] = field(default_factory=dict)


def regions_of(
    source: AnnotationSource, photo: str, drawn: Sequence[Unpainted | Marked]
) -> tuple[Marked, ...]:
    """Regions in the order in which they were drawn; those that cannot be made and those without a pixel are told.

    Args:
        source: takes what is left out.
        photo: its name, for people.
        drawn: what is ``Marked`` is passed on; the others must be of one size.
    """
    size = next((one.size for one in drawn if isinstance(one, Unpainted)), None)
    if size is None:
        return tuple(one for one in drawn if isinstance(one, Marked))
    flips = iter(
        flips_of_each([ring for one in drawn if isinstance(one, Unpainted) for ring in one.rings], size)
    )
    masks = [
        None if isinstance(one, Marked) else _mask_or_none(source, photo, one, flips, size) for one in drawn
    ]
    made = [mask for mask in masks if mask is not None]
    pairs = zip(boxes_of_flips(made, size), encode_flips(made, size), strict=True)
    found: list[Marked] = []
    for one, mask in zip(drawn, masks, strict=True):
        if isinstance(one, Marked):
            found.append(one)
        elif mask is not None:
            box, code = next(pairs)
            if box is None:
                source.told.say(EMPTY, photo, one.label)
            else:
                found.append(_region(one, box, code))
    return tuple(found)


def _mask_or_none(
    source: AnnotationSource, photo: str, one: Unpainted, flips: Iterator[Flips | DataError], size: Size
) -> Flips | None:
    own = list(islice(flips, len(one.rings)))
    return tried(source, photo, partial(_mask, one, own, size), what=one.label)


def _mask(one: Unpainted, rings: Sequence[Flips | DataError], size: Size) -> Flips:
    if one.size != size:
        raise DataError(
            f"drawn on {one.size[0]} x {one.size[1]} pixels, what came before on {size[0]} x {size[1]}"
        )
    return one.flips if one.flips is not None else joined([flips_or_raise(ring) for ring in rings])


def _region(one: Unpainted, box: CornerBox, code: bytes) -> Marked:
    return Marked(label=one.label, box=box, code=code.decode("ascii"), **one.about)
