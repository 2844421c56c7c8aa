"""What ``tagalign segment`` and ``refer`` keep: palette PNGs and pictures to look at, or run-length code in Parquet."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from tagalign.errors import InputError
from tagalign.tasks.photos.doubts import mask_doubts
from tagalign.tasks.photos.rows import instance_columns, instance_rows, mask_row
from tagalign.tasks.photos.tables import INSTANCES, MASK_FILES, MASKS, REGIONS, AnswerRow, Table

if TYPE_CHECKING:
    from tagalign.tasks.photos.job import Job
    from tagalign.tasks.photos.stream import Answered
    from tagalign.types import Segmentation

MAX_HEAT_MAPS = 100
HEAT_SIDE = 1600
"""Longer side of heat maps: a screen. At 24 megapixels twenty of them take minutes, and nobody sees more."""


@dataclass(frozen=True, kw_only=True)
class MaskFiles:
    """``NAME.png`` per photo, and what people look at.

    Attributes:
        folder: of the files.
        overlay: also ``NAME.overlay.png``, and ``NAME.trusty.png`` of a trusty model.
        heat_maps: also ``NAME.LABEL.heat.png`` for each of these names of labels.
        heat_side: their longer side at most, in pixels; 0 keeps the photo's size.
    """

    table: ClassVar[Table] = MASK_FILES

    folder: Path
    overlay: bool = False
    heat_maps: tuple[str, ...] = ()
    heat_side: int = HEAT_SIDE

    @property
    def files(self) -> tuple[str, ...]:
        """See ``Sink``."""
        return ("mask", *(["overlay"] if self.overlay else []), *(["heat"] if self.heat_maps else []))

    def row(self, job: "Job", answered: "Answered") -> AnswerRow:
        """See ``Sink``."""
        from tagalign.export.masks import save_mask

        found: Segmentation = answered.answer
        name = answered.source.name
        if self.overlay:
            self._write_overlays(name, answered)
        if self.heat_maps:
            self._write_heat_maps(name, job, answered)
        # the mask last: where it is, the rest is
        save_mask(self.folder / f"{name}.png", found.labels, len(found.names))
        return {
            "path": answered.source.key,
            "mask": f"{name}.png",
            "size": list(found.labels.shape),
            "shares": rounded_shares(found),
            **rounded_doubts(mask_doubts(found, other=answered.second)),
            **instance_rows(found),
        }

    def _write_overlays(self, name: str, answered: "Answered") -> None:
        from tagalign.export.overlay import overlay
        from tagalign.export.trusty_picture import trusty_picture
        from tagalign.methods.trusty.method import TrustySegmentation

        found = answered.answer
        save_png(self.folder / f"{name}.overlay.png", overlay(photo_of(answered), found))
        if isinstance(found, TrustySegmentation) and found.trusty is not None:
            save_png(self.folder / f"{name}.trusty.png", trusty_picture(photo_of(answered), found))

    def _write_heat_maps(self, name: str, job: "Job", answered: "Answered") -> None:
        from tagalign.export.overlay import heat_overlay
        from tagalign.methods.protocols import HeatMapper

        if not isinstance(job.method, HeatMapper):
            raise AssertionError("methods without maps were refused")
        photo = photo_of(answered)
        if self.heat_side and max(photo.size) > self.heat_side:
            photo = photo.copy()
            photo.thumbnail((self.heat_side, self.heat_side))
        # at the size of the picture: at 24 megapixels twenty maps would hold two gigabytes
        maps = job.method.heat_maps(answered.encoded, job.labels, size=(photo.height, photo.width))
        for label, part, heat in zip(job.labels.names, self.heat_maps, maps, strict=True):
            picture = heat_overlay(photo, heat, label)
            save_png(self.folder / f"{name}.{part}.heat.png", picture)


@dataclass(frozen=True, kw_only=True)
class MaskParts:
    """Run-length code in Parquet.

    Attributes:
        png: folder of a ``NAME.png`` per photo besides; None for none.
        instances: also those, one by one.
    """

    png: Path | None = None
    instances: bool = False

    @property
    def table(self) -> Table:
        """See ``Sink``."""
        return INSTANCES if self.instances else MASKS

    @property
    def files(self) -> tuple[str, ...]:
        """See ``Sink``."""
        return () if self.png is None else ("png",)

    def row(self, job: "Job", answered: "Answered") -> AnswerRow:
        """See ``Sink``."""
        from tagalign.export.masks import save_mask

        found: Segmentation = answered.answer
        if self.png is not None:
            save_mask(self.png / f"{answered.source.name}.png", found.labels, len(found.names))
        row = mask_row(answered.source.key, found, second=answered.second)
        return row | instance_columns(found) if self.instances else row


@dataclass(frozen=True, kw_only=True)
class RegionFiles:
    """``NAME.png`` and ``NAME.overlay.png`` per photo.

    Attributes:
        folder: of the files.
    """

    table: ClassVar[Table] = REGIONS
    files: ClassVar[tuple[str, ...]] = ("mask", "overlay")

    folder: Path

    def row(self, job: "Job", answered: "Answered") -> AnswerRow:
        """See ``Sink``."""
        from tagalign.export.masks import save_mask
        from tagalign.export.overlay import referring_overlay

        name = answered.source.name
        save_png(self.folder / f"{name}.overlay.png", referring_overlay(photo_of(answered), answered.answer))
        save_mask(self.folder / f"{name}.png", answered.answer.mask.long(), 2)
        return {"path": answered.source.key, "mask": f"{name}.png", **region_values(answered)}


def region_values(answered: "Answered") -> AnswerRow:
    """What is told of a region: box XYXY in pixels, score, share of the photo."""
    found = answered.answer
    return {
        "phrase": found.phrase,
        "box": found.box,
        "score": round(found.score, 6),
        "share": round(float(found.mask.float().mean()), 6),
    }


def heat_names(job: "Job") -> tuple[str, ...]:
    """Names of labels as parts of file names, for heat maps.

    Raises:
        InputError: for too many labels, or a method without maps.
    """
    from tagalign.methods.protocols import HeatMapper
    from tagalign.methods.table import DEFAULTS
    from tagalign.tasks.photos.names import label_names

    if len(job.labels.names) > MAX_HEAT_MAPS:
        raise InputError(
            f"--heat-maps writes one picture per label: at most {MAX_HEAT_MAPS} labels, got {len(job.labels.names)}"
        )
    if not isinstance(job.method, HeatMapper):
        raise InputError(
            f"--heat-maps: method {job.method.method!r} has no maps of all labels; use {DEFAULTS['segment']}, "
            "another dense method, or tagalign"
        )
    return label_names(job.labels.names)


def rounded_shares(found: "Segmentation") -> dict[str, float]:
    """Share of the pixels of each label that occurs."""
    return {name: round(share, 6) for name, share in found.shares().items()}


def rounded_doubts(values: dict[str, float | None]) -> dict[str, float]:
    """How sure an answer was, for JSON; what was not asked for is left out."""
    return {name: round(value, 6) for name, value in values.items() if value is not None}


def photo_of(answered: "Answered") -> Any:
    """The photo of an answer whose question keeps it."""
    if answered.image is None:
        raise AssertionError("this question keeps its photos")
    return answered.image


def save_png(path: Path, picture: Any) -> None:
    """Write a picture; it appears whole or not at all.

    Packed lightly: a photo under a heat map takes a fifth of the time, and an eighth more of the disk.
    """
    from tagalign.atomic import atomic_write

    with atomic_write(path) as temp:
        picture.save(temp, format="PNG", compress_level=1)
