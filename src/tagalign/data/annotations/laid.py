"""Annotations that lie on photos of this disk, under labels of one's own; two passes, so that all labels are known."""

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tagalign.data.annotations.opening import OpenedAnnotations
from tagalign.data.annotations.photo_folder import FoundPhoto, PhotoFolder, PhotoNotFound
from tagalign.data.annotations.reader import Advance
from tagalign.data.annotations.records import VOID, MarkedPhoto, photo_of
from tagalign.data.annotations.spool import Spool
from tagalign.data.annotations.told import LeftOut
from tagalign.data.annotations.turning import upright_regions
from tagalign.errors import DataError
from tagalign.labels import LabelSet, Size
from tagalign.tags.label_map import LabelMap, match_labels

ExifRule = Literal["auto", "upright", "stored"]
"""Which pixels were drawn on: the upright photo's, those of the file, or whichever have the size that the file says."""


NOT_FOUND = "left out: photos that were not found"


@dataclass(frozen=True, kw_only=True)
class LayingRules:
    """How annotations are laid on photos.

    Attributes:
        labels: one's own; None to keep the names of the file.
        saved: a mapping of names that a person wrote down.
        exif: which pixels were drawn on.
        with_suggestions: photos that nobody judged count as well, with what a model said.
        missing_is_empty: that a photo of which a format with a file or lines per photo says nothing holds nothing.
    """

    labels: LabelSet | None = None
    saved: Mapping[str, str | None] | None = None
    exif: ExifRule = "auto"
    with_suggestions: bool = False
    missing_is_empty: bool = False


@dataclass(frozen=True, kw_only=True)
class LaidPhoto:
    """A photo that is here, and its annotations on the upright picture.

    Attributes:
        photo: where it lies.
        marked: what is in it; the size is the upright photo's, names are own labels.
    """

    photo: FoundPhoto
    marked: MarkedPhoto


class LaidAnnotations:
    """All annotations of a file whose photos were found; they wait on the disk and can be gone through again.

    Attributes:
        label_map: names of the file and what they are called here.
        told: what was left out.
    """

    def __init__(self, opened: OpenedAnnotations, photos: PhotoFolder, rules: LayingRules) -> None:
        self.told: LeftOut = opened.told
        self._photos, self._rules, self._spool = photos, rules, Spool()
        seen: set[str] = set()
        for marked in opened.read():
            found = self._found(marked, seen)
            if found is not None:
                # what the photo's head says too: a folder of 40,000 need not be opened twice
                head = (found.size, found.orientation)
                self._spool.add(found.place, (head, self._upright(marked, found).values()))
        self.label_map: LabelMap = match_labels(opened.names, rules.labels, rules.saved)
        for name in self.label_map.unknown:
            self.told.say("left out: labels that are none of yours", "", name)

    def __len__(self) -> int:
        return len(self._spool)

    @property
    def labels(self) -> tuple[str, ...]:
        """Own labels: all that were given, else those of the file."""
        return self._rules.labels.names if self._rules.labels is not None else self.label_map.labels

    def __iter__(self) -> Iterator[LaidPhoto]:
        for place in self._spool:
            for (size, orientation), values in self._spool.rows(place):
                path = self._photos.folder / place
                photo = FoundPhoto(place=place, path=path, size=size, orientation=orientation)
                yield LaidPhoto(photo=photo, marked=self._named(photo_of(values)))

    def close(self) -> None:
        """Give the disk back."""
        self._spool.close()

    # --- the first pass ---------------------------------------------------------------------------------------------

    def _found(self, marked: MarkedPhoto, seen: set[str]) -> FoundPhoto | None:
        if marked.said_by == "model" and not self._rules.with_suggestions:
            self.told.say(
                "left out: photos that nobody judged; --with-suggestions takes the model's word", marked.name
            )
            return None
        try:
            found = self._photos.find(marked.name, is_address=marked.is_address)
        except PhotoNotFound as error:
            self.told.say(NOT_FOUND, marked.name, str(error))
            return None
        except DataError as error:
            self.told.say("left out: photos that cannot be read", marked.name, str(error))
            return None
        if found.place in seen:
            self.told.say("left out: annotations of a photo that had some before", marked.name, found.place)
            return None
        if not self._fits(marked, found):
            return None
        seen.add(found.place)
        return found

    def _fits(self, marked: MarkedPhoto, found: FoundPhoto) -> bool:
        if marked.size is None or marked.size in self._allowed(found):
            return True
        here = " or ".join(f"{height} x {width}" for height, width in dict.fromkeys(self._allowed(found)))
        self.told.say(
            "left out: photos of another size than their annotations",
            marked.name,
            f"{marked.size[0]} x {marked.size[1]} pixels (height x width) in the file, {here} here",
        )
        return False

    def _allowed(self, found: FoundPhoto) -> tuple[Size, ...]:
        sizes = {
            "auto": (found.size, found.stored_size),
            "upright": (found.size,),
            "stored": (found.stored_size,),
        }
        return sizes[self._rules.exif]

    def _upright(self, marked: MarkedPhoto, found: FoundPhoto) -> MarkedPhoto:
        """On the upright photo; where both sizes are one, ``auto`` takes what people see."""
        is_stored = self._rules.exif == "stored" or (marked.size is not None and marked.size != found.size)
        if found.orientation == 1 or not is_stored:
            if found.orientation != 1 and marked.regions and found.size == found.stored_size:
                self.told.say(
                    "taken as drawn on the upright photo; --exif stored says otherwise", marked.name
                )
            return dataclasses.replace(marked, size=found.size)
        regions = upright_regions(marked.regions, found.stored_size, found.orientation)
        return dataclasses.replace(marked, size=found.size, regions=regions)

    # --- the second one ---------------------------------------------------------------------------------------------

    def _named(self, marked: MarkedPhoto) -> MarkedPhoto:
        """Under own labels; what has none is gone."""
        regions = []
        for region in marked.regions:
            label = VOID if region.label == VOID else self.label_map.of(region.label)
            if label is not None:
                regions.append(region if label == region.label else dataclasses.replace(region, label=label))
        return dataclasses.replace(
            marked, regions=tuple(regions), tags=self._own(marked.tags), given=self._own(marked.given)
        )

    def _own(self, names: tuple[str, ...]) -> tuple[str, ...]:
        found = (self.label_map.of(name) for name in names)
        return tuple(dict.fromkeys(name for name in found if name is not None))


def lay(
    path: Path,
    name: str,
    photos: PhotoFolder,
    rules: LayingRules,
    *,
    advance: Advance = lambda entries: None,
) -> LaidAnnotations:
    """Read a file or folder of annotations and find its photos.

    Args:
        path: of the annotations.
        name: of their format.
        photos: the folder of the photos.
        rules: labels, and which pixels were drawn on.
        advance: is told now and then how many entries more were read.

    Raises:
        DataError: if the file is damaged as a whole.
    """
    opened = OpenedAnnotations(path, photos, name, missing_is_empty=rules.missing_is_empty, advance=advance)
    return LaidAnnotations(opened, photos, rules)
