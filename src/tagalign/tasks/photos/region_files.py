"""Where the regions of a photo come from: one file for it, one file for all, a folder of either, or a mask generator."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any, Protocol, runtime_checkable

from jaxtyping import Bool
from PIL import Image
from torch import Tensor

from tagalign.backbones.image_formats import image_suffixes
from tagalign.errors import DataError, InputError
from tagalign.labels import Size
from tagalign.tasks.photos.keys import printable
from tagalign.tasks.photos.names import stem
from tagalign.tasks.photos.source import PhotoSource
from tagalign.tasks.regions.coco import CocoPhoto, read_coco, regions_of_photo, tails
from tagalign.tasks.regions.id_png import read_ids
from tagalign.tasks.regions.value import Regions, regions_of

PNG, JSON = ".png", ".json"


@runtime_checkable
class RegionSource(Protocol):
    """Regions by photo."""

    def of(self, source: PhotoSource, photo: Image.Image) -> Regions:
        """The regions of a photo.

        Raises:
            DataError: if there are none for it, or they cannot be used.
        """
        ...


def region_files(path: Path, *, only_photo: bool = False) -> RegionSource:
    """A file or a folder with regions.

    Args:
        path: an id PNG, a COCO JSON, or a folder of files ``NAME.png`` and ``NAME.json``.
        only_photo: the run has one photo, so that a file for one is for it, whatever it is called.

    Raises:
        InputError: if nothing is there, or it is another kind of file.
        DataError: if the file cannot be read.
    """
    if path.is_dir():
        return RegionFolder(folder=path)
    if not path.is_file():
        raise InputError(f"--regions {path}: no such file or folder")
    if path.suffix.lower() == PNG:
        return OneFile(path=path, any_photo=only_photo)
    if path.suffix.lower() == JSON:
        photos = read_coco(path)
        if len(photos) == 1 and photos[0].file_name is None:
            return OneFile(path=path, any_photo=only_photo, photo=photos[0])
        return CocoRegions(path=path, photos=photos)
    raise InputError(f"--regions {path}: expected an id PNG, a COCO JSON, or a folder of either")


def is_one_photo(items: Sequence[str]) -> bool:
    """Whether inputs as typed are one image file, and neither a folder, a list, a tar nor a pattern."""
    (first, *more) = items or ("-",)
    return not more and Path(first).suffix.lower() in image_suffixes() and Path(first).is_file()


def _is_alone(source: PhotoSource) -> bool:
    """Whether no other photo of the run has its name; see ``photos.names``."""
    return not source.name or source.name == stem(source)


def _parts(source: PhotoSource) -> tuple[str, ...]:
    path = PurePath(source.path)
    parts = path.parts[1:] if path.is_absolute() else path.parts
    return parts if source.member is None else (*parts, *PurePath(source.member).parts)


def _tails(source: PhotoSource) -> list[str]:
    """Ends of the photo's path that mean no other photo of the run; the name alone where no other has it."""
    found = list(tails(_parts(source)))
    return found if _is_alone(source) else [tail for tail in found if len(PurePath(tail).parts) > 1]


@dataclass(frozen=True, kw_only=True, eq=False)
class OneFile:
    """A file with the regions of one photo."""

    path: Path
    any_photo: bool
    photo: CocoPhoto | None = None

    def of(self, source: PhotoSource, photo: Image.Image) -> Regions:
        """See ``RegionSource``."""
        if not self.any_photo and stem(source) != self.path.stem:
            raise DataError(
                f"{source.key}: {self.path.name} holds the regions of one photo, called {self.path.stem}; give a folder "
                "with a file for each photo"
            )
        if self.photo is None:
            return read_ids(self.path)
        return regions_of_photo(self.photo, (photo.height, photo.width), str(self.path))


@dataclass(frozen=True, kw_only=True, eq=False)
class CocoRegions:
    """One COCO file for all photos, found by the longest end of their paths that the file names."""

    path: Path
    photos: Sequence[CocoPhoto]
    _by_name: dict[str, list[CocoPhoto]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for photo in self.photos:
            self._by_name.setdefault(str(PurePath(photo.file_name or "")), []).append(photo)

    def of(self, source: PhotoSource, photo: Image.Image) -> Regions:
        """See ``RegionSource``."""
        for tail in _tails(source):
            found = self._by_name.get(tail, [])
            if len(found) > 1:
                raise DataError(f"{self.path}: names {printable(tail)} {len(found)} times")
            if found:
                where = f"{self.path}, {printable(tail)}"
                return regions_of_photo(found[0], (photo.height, photo.width), where)
        raise DataError(f"{source.key}: {self.path} names no such photo")


@dataclass(frozen=True, kw_only=True, eq=False)
class RegionFolder:
    """``NAME.png`` or ``NAME.json`` per photo, where the photo lies below its own folder or by its name alone."""

    folder: Path

    def of(self, source: PhotoSource, photo: Image.Image) -> Regions:
        """See ``RegionSource``."""
        names = [str(PurePath(tail).with_suffix("")) for tail in _tails(source)]
        names += [source.name] if source.name and source.name not in names else []
        for name in names:
            found = [p for ending in (PNG, JSON) if (p := self.folder / f"{name}{ending}").is_file()]
            if len(found) > 1:
                raise DataError(f"{source.key}: {found[0]} and {found[1].name} are both there; remove one")
            if found:
                return OneFile(path=found[0], any_photo=True, photo=self._photo(found[0])).of(source, photo)
        raise DataError(f"{source.key}: no {names[-1]}.png or {names[-1]}.json in {self.folder}")

    def _photo(self, path: Path) -> CocoPhoto | None:
        if path.suffix == PNG:
            return None
        photos = read_coco(path)
        if len(photos) != 1:
            raise DataError(f"{path}: expected the regions of one photo, got those of {len(photos)}")
        return photos[0]


@runtime_checkable
class MaskFinder(Protocol):
    """What finds regions in a photo by itself; see ``backbones.mask_generators``."""

    def masks_of(self, photo: Image.Image) -> Iterable[Bool[Tensor, "height width"]]:
        """Masks at the size of the photo, one at a time; they may overlap."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class Generated:
    """Regions that a mask generator finds; none is no error."""

    generator: MaskFinder

    def of(self, source: PhotoSource, photo: Image.Image) -> Regions:
        """See ``RegionSource``."""
        return Regions.of_masks(self.generator.masks_of(photo), (photo.height, photo.width))


def given_regions(regions: Any, photo: Image.Image | None, size: Size) -> Regions:
    """The regions of one photo, of whatever a person gives; see ``Model.segment``.

    Raises:
        InputError: if a generator is given without the photo.
        DataError: if they cannot be used.
    """
    if isinstance(regions, MaskFinder):
        if photo is None:
            raise InputError("a mask generator looks at the photo; pass photo= too")
        return Regions.of_masks(regions.masks_of(photo), size)
    if not isinstance(regions, (str, Path)):
        return regions_of(regions)
    path = Path(regions)
    if path.suffix.lower() == PNG:
        return read_ids(path)
    photos = read_coco(path)
    if len(photos) != 1:
        raise DataError(f"{path}: expected the regions of one photo, got those of {len(photos)}")
    return regions_of_photo(photos[0], size, str(path))
