"""What the exporters write: one image with its tags and masks, and the regions its masks fall into."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool

from tagalign.errors import InputError, first_names
from tagalign.export.parts import parts_by_label
from tagalign.labels import BACKGROUND, Size
from tagalign.types import Segmentation, Tagging


@dataclass(frozen=True, kw_only=True, eq=False)
class Annotated:
    """One image and what was found in it.

    Attributes:
        file_name: of the image, relative to the folder of the images, with ``/`` between folders.
        size: of the image.
        segmentation: its masks, if any.
        tagging: its tags, if any.
    """

    file_name: str
    size: Size
    segmentation: Segmentation | None = None
    tagging: Tagging | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Region:
    """One connected part of a label, or all pixels of it.

    Attributes:
        label: id into the names of the segmentation.
        name: of the label.
        box: XYXY in pixels, ends exclusive.
        mask: what is True inside the box.
        area: in pixels.
        score: mean of the winning scores inside.
        size: of the image.
    """

    label: int
    name: str
    box: tuple[int, int, int, int]
    mask: Bool[np.ndarray, "rows cols"]
    area: int
    score: float
    size: Size

    def full_mask(self) -> Bool[np.ndarray, "height width"]:
        """The mask at the size of the image."""
        full = np.zeros(self.size, dtype=bool)
        left, top, right, bottom = self.box
        full[top:bottom, left:right] = self.mask
        return full


def regions(segmentation: Segmentation, *, split: bool = True, min_area: int = 0) -> Iterator[Region]:
    """Regions in the order of the label ids, within a label from the top; ``background`` has none.

    Args:
        segmentation: labels of one image.
        split: one region per connected part; else one per label.
        min_area: smaller regions are left out, in pixels.
    """
    for parts in parts_by_label(segmentation, split=split, min_area=min_area):
        top, left = parts.origin
        sides = zip(parts.boxes.tolist(), parts.areas.tolist(), parts.scores.tolist(), strict=True)
        for number, (box, area, score) in enumerate(sides, start=1):
            inside = parts.numbers[box[1] - top : box[3] - top, box[0] - left : box[2] - left]
            yield Region(
                label=parts.label,
                name=parts.name,
                box=(box[0], box[1], box[2], box[3]),
                mask=inside == number,
                area=area,
                score=score,
                size=parts.size,
            )


def categories(names: tuple[str, ...]) -> dict[int, int]:
    """Ids in files, from 1, by label id; ``background`` has none.

    >>> categories(("background", "cat", "dog")), categories(("cat", "dog"))
    ({1: 1, 2: 2}, {0: 1, 1: 2})
    """
    kept = [label for label, name in enumerate(names) if name != BACKGROUND]
    return {label: position for position, label in enumerate(kept, start=1)}


class OneNameList:
    """Checks that all images of a file were asked the same names in the same order.

    Attributes:
        names: of the first image; empty before it.
    """

    def __init__(self) -> None:
        self.names: tuple[str, ...] = ()

    def check(self, file_name: str, names: tuple[str, ...]) -> None:
        """Refuse another list of names.

        Raises:
            InputError: naming the image and both lists.
        """
        self.names = self.names or names
        if names != self.names:
            raise InputError(
                f"{file_name}: labels {first_names(names, 5)} differ from those of the first image, "
                f"{first_names(self.names, 5)}; write one file per label list"
            )


def segmentation_of(image: Annotated) -> Segmentation:
    """The masks of an image.

    Raises:
        InputError: if it has none, or they are of another size.
    """
    if image.segmentation is None:
        raise InputError(
            f"{image.file_name}: has tags and no masks; this format needs masks (`tagalign segment`)"
        )
    if tuple(image.segmentation.labels.shape) != image.size:
        raise InputError(
            f"{image.file_name}: the image is {image.size[0]} x {image.size[1]} pixels (height x width), its masks "
            f"{' x '.join(map(str, image.segmentation.labels.shape))}; segment it again"
        )
    return image.segmentation


def tagging_of(image: Annotated) -> Tagging:
    """The tags of an image.

    Raises:
        InputError: if it has none.
    """
    if image.tagging is None:
        raise InputError(f"{image.file_name}: has masks and no tags; this format needs tags (`tagalign tag`)")
    return image.tagging


def tensor_mask(region: Region) -> Bool[torch.Tensor, "height width"]:
    """The mask of a region at the size of its image, as a tensor."""
    return torch.from_numpy(region.full_mask())
