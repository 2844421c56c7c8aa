"""One photo with what people said about it, whatever tool they said it in."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Bool

from tagalign.labels import Size
from tagalign.ops.flips import Flips, boxes_of_flips, encode_flips, flips_of_runs
from tagalign.ops.masks import decode_rle, run_lengths
from tagalign.ops.polygon_masks import Ring, flips_of_polygons

CornerBox = tuple[float, float, float, float]
MarkedMask = Bool[np.ndarray, "height width"]
SaidBy = Literal["person", "model", "nobody"]
VOID = ""
"""Label of pixels that are not to be counted, whatever is there; a name that a file leaves empty is not this one."""


@dataclass(frozen=True, kw_only=True)
class Marked:
    """One region that somebody marked.

    Attributes:
        label: its name, as the file has it.
        box: XYXY in pixels, ends exclusive, not rounded.
        code: COCO's compressed run-length code of the mask at the size of the photo; None where there is a box alone.
        is_box: that a rectangle was drawn, upright or turned: nobody said where inside it the thing ends.
        crowd: that it holds many things; it is not counted.
        score: of the model that suggested it; None of what a person drew.
        suggested: that a model drew it and a person let it stand.
        order: of painting; higher lies on top.
    """

    label: str
    box: CornerBox
    code: str | None = None
    is_box: bool = False
    crowd: bool = False
    score: float | None = None
    suggested: bool = False
    order: int = 0

    def mask(self, size: Size) -> MarkedMask | None:
        """The mask at the size of the photo; None where there is a box alone."""
        return None if self.code is None else decode_rle(self.code.encode("ascii"), size).numpy()


@dataclass(frozen=True, kw_only=True)
class MarkedPhoto:
    """One photo.

    Attributes:
        name: as the file has it: a path, an address, a name.
        size: that the file says it has; None where it says none.
        regions: that were let stand or drawn.
        tags: of the whole photo.
        given: labels that a model suggested before; empty where the file does not say.
        said_by: ``person``; ``model`` where nobody has looked yet; ``nobody`` where a person passed the photo over.
        source: annotation that it came from, ``label-studio:17``; empty where the format numbers none.
        is_address: that the name is part of an address, and percent signs in it are escapes.
    """

    name: str
    size: Size | None = None
    regions: tuple[Marked, ...] = ()
    tags: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    said_by: SaidBy = "person"
    source: str = ""
    is_address: bool = False

    @property
    def labels(self) -> tuple[str, ...]:
        """All labels that are in it, each once; ``VOID`` is none."""
        found = [*self.tags, *(region.label for region in self.regions)]
        return tuple(dict.fromkeys(label for label in found if label != VOID))

    def values(self) -> dict[str, Any]:
        """As plain values, which are not copied: ``asdict`` would copy each label of each region."""
        return vars(self) | {"regions": [vars(region) for region in self.regions]}


def photo_of(values: dict[str, Any]) -> MarkedPhoto:
    """Back from ``MarkedPhoto.values``, also through JSON."""
    regions = tuple(Marked(**(one | {"box": tuple(one["box"])})) for one in values["regions"])
    size = None if values["size"] is None else (values["size"][0], values["size"][1])
    lists = {name: tuple(values[name]) for name in ("tags", "given")}
    return MarkedPhoto(**(values | lists | {"regions": regions, "size": size}))


def region_of(mask: MarkedMask, label: str, **about: Any) -> Marked | None:
    """A region of a mask, with the box around it; None for a mask without a pixel."""
    size = (mask.shape[0], mask.shape[1])
    return region_of_flips(flips_of_runs(run_lengths(torch.from_numpy(mask)), size), size, label, **about)


def region_of_flips(flips: Flips, size: Size, label: str, **about: Any) -> Marked | None:
    """The same of the places where a mask changes (``ops.flips``): a polygon need not be painted to be a region."""
    (box,) = boxes_of_flips([flips], size)
    if box is None:
        return None
    (code,) = encode_flips([flips], size)
    return Marked(label=label, box=box, code=code.decode("ascii"), **about)


def region_of_polygons(rings: Sequence[Ring], size: Size, label: str, **about: Any) -> Marked | None:
    """The same of polygons together.

    Raises:
        DataError: see ``mask_of_polygons``.
    """
    return region_of_flips(flips_of_polygons(rings, size), size, label, **about)
