"""What a model suggests about one photo of a review: tags, and masks one by one."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from tagalign.apps.page.drawn import Drawn, drawn_region
from tagalign.apps.page.review_store import mask_codes
from tagalign.apps.page.studio import Studio
from tagalign.apps.page.texts import say
from tagalign.errors import DataError
from tagalign.export.overlay import percent
from tagalign.export.records import Region, regions
from tagalign.export.result_index import ResultIndex
from tagalign.labels import BACKGROUND
from tagalign.tasks.photos.keys import path_of
from tagalign.tasks.photos.tars import source_of
from tagalign.tasks.review.clicks import Click, ClickVerdict
from tagalign.types import Segmentation

MIN_SHARE = 0.002
"""Smaller parts are left out: nobody wants to judge specks."""
MOST_MASKS = 40
GAP = "  "
"""Between the name and the share of a title."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Suggestion:
    """One photo with everything that can be let stand or taken away.

    Attributes:
        file_name: key of the photo, relative to the folder.
        image: upright RGB.
        names: labels that were asked for.
        tags: suggested ones.
        masks: suggested regions by title.
        scored: whether masks know their scores; files of a run keep none.
    """

    file_name: str
    image: Image.Image
    names: tuple[str, ...]
    tags: tuple[str, ...]
    masks: dict[str, Region]
    scored: bool = True

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.image.height, self.image.width

    def drawn(self, titles: Sequence[str]) -> list[Drawn]:
        """Some of the masks, for the panel."""
        return [
            drawn_region(title.rsplit(GAP, 1)[0], self.masks[title], scored=self.scored)
            for title in titles
            if title in self.masks
        ]

    def click(self, verdict: ClickVerdict, tags: list[str], titles: list[str]) -> Click:
        """What a person made of it."""
        kept = [self.masks[title] for title in titles if title in self.masks]
        return Click(
            photo=self.file_name,
            verdict=verdict,
            size=self.size,
            labels=self.names,
            given=self.tags,
            tags=tuple(dict.fromkeys(tags)),
            masks=mask_codes(kept),
        )


def suggest(studio: Studio, folder: Path, file_name: str, labels: str, method: str) -> Suggestion:
    """Tags and masks of one photo.

    Raises:
        TagalignError: if the photo, the labels or the method cannot be used.
    """
    view = studio.look(folder / path_of(file_name), labels, method)
    return Suggestion(
        file_name=file_name,
        image=view.opened.image,
        names=view.labels.names,
        tags=view.tagging.tags if view.tagging is not None else (),
        masks=_masks(view.segmentation),
    )


def suggest_of_run(results: ResultIndex, key: str) -> Suggestion | None:
    """What a run found in a photo: nothing is computed, and no model is asked; None where it holds nothing about it.

    Its tags are those of the run; of masks without tags, the labels that occur.

    Raises:
        TagalignError: if the photo or the result cannot be read.
    """
    found = results.find(key)
    if found is None:
        return None
    image = source_of(key).open()
    if found.size != (image.height, image.width):
        raise DataError(
            say(
                "review.other_size",
                photo=key,
                size=f"{image.width} × {image.height}",
                run=f"{found.size[1]} × {found.size[0]}",
            )
        )
    shown = found.segmentation
    shares = shown.shares() if shown is not None else {}
    return Suggestion(
        file_name=key,
        image=image,
        names=tuple(name for name in results.names if name != BACKGROUND),
        tags=found.tagging.tags if found.tagging is not None else tuple(n for n in shares if n != BACKGROUND),
        masks=_masks(shown),
        scored=False,
    )


def _masks(found: Segmentation | None) -> dict[str, Region]:
    """The largest parts by title."""
    if found is None:
        return {}
    smallest = max(1, round(MIN_SHARE * found.labels.numel()))
    parts = sorted(regions(found, min_area=smallest), key=lambda region: -region.area)
    return _titled(parts[:MOST_MASKS])


def _titled(found: list[Region]) -> dict[str, Region]:
    """Titles such as ``dog (2)  12 %``, numbered where a label has several parts."""
    count: dict[str, int] = {}
    several = {region.name for i, region in enumerate(found) if region.name in {r.name for r in found[:i]}}
    titled = {}
    for region in found:
        count[region.name] = count.get(region.name, 0) + 1
        number = f" ({count[region.name]})" if region.name in several else ""
        titled[f"{region.name}{number}{GAP}{percent(region.area / (region.size[0] * region.size[1]))}"] = (
            region
        )
    return titled


def kept_titles(suggestion: Suggestion, decision: Click | None) -> list[str]:
    """Titles that start checked: those an earlier decision let stand, else masks of suggested tags.

    A mask of a label that is not in the photo by its own tags would be a wrong mask that looks accepted, and tint the whole
    photo. A method without tags suggests all its masks.
    """
    if decision is None or decision.verdict == "skipped":
        has_tags = bool(suggestion.tags)
        return [
            title for title, mask in suggestion.masks.items() if not has_tags or mask.name in suggestion.tags
        ]
    codes = set(decision.masks)
    again = {title: suggestion.click("accepted", [], [title]).masks[0] for title in suggestion.masks}
    return [title for title, mask in again.items() if mask in codes]
