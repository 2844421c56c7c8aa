"""Which regions a run of ``segment`` uses, as plain values that another process can open."""

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path

from tagalign.errors import InputError
from tagalign.tasks.photos.region_files import Generated, RegionSource, region_files
from tagalign.tasks.regions.options import RegionOptions


@dataclass(frozen=True, kw_only=True)
class RegionChoice:
    """Regions of files, or of a mask generator.

    Attributes:
        files: an id PNG, a COCO JSON or a folder of either; None for a generator.
        generator: its folder or hub id; None for files.
        only_photo: the run has one photo; see ``region_files``.
        options: of the vote.
        points_per_side: of a generator that is asked at points; its own number when None.
        device: where a generator runs; does not count for the result.
    """

    files: Path | None = None
    generator: str | None = None
    only_photo: bool = False
    options: RegionOptions = RegionOptions()  # noqa: RUF009  frozen
    points_per_side: int | None = None
    device: str = "auto"

    def __post_init__(self) -> None:
        if (self.files is None) == (self.generator is None):
            raise InputError("regions come from files or from a mask generator; give one of them")
        if self.files is not None and self.points_per_side is not None:
            raise InputError("points_per_side belongs to a mask generator; these regions come from files")

    def open(self) -> "OpenRegions":
        """Look at the files, or load the generator.

        Raises:
            InputError: if nothing is there.
            ModelError: if the generator cannot be loaded.
        """
        described: dict[str, object] = {"options": asdict(self.options)}
        if self.files is not None:
            described |= {"files": str(self.files), "hash": _hash(self.files)}
            source: RegionSource = region_files(self.files, only_photo=self.only_photo)
        else:
            # late: generators stand on transformers, which costs longer than all else of a start
            from tagalign.backbones.mask_generators.load import load_mask_generator

            generator = load_mask_generator(
                str(self.generator), device=self.device, points_per_side=self.points_per_side
            )
            described |= {"generator": generator.describe()}
            source = Generated(generator=generator)
        return OpenRegions(source=source, options=self.options, described=described)


@dataclass(frozen=True, kw_only=True, eq=False)
class OpenRegions:
    """A ``RegionChoice`` that was opened.

    Attributes:
        source: of the regions.
        options: of the vote.
        described: what a result must name of both.
    """

    source: RegionSource
    options: RegionOptions
    described: dict[str, object]


def _hash(path: Path) -> str:
    """Of a file, so that a run does not go on with other masks; a folder counts by its name."""
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]
