"""Photos of a run under their masks: what a page of ``tagalign segment`` shows at a glance."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from tagalign.export.drawing import label_color
from tagalign.export.photos import named_sources
from tagalign.labels import BACKGROUND
from tagalign.tasks.photos.result_labels import result_names
from tagalign.tasks.photos.tars import source_of

OPACITY = 0.55
"""Of the colours: outlines of things stay to be seen, neighbouring labels are told apart."""


def photos_under_masks(folder: Path) -> Callable[[str], Image.Image]:
    """What opens the photo of a key in the colours of its mask.

    A photo whose mask is not there as a picture (run-length parts, an answer of an earlier release) or has another size is
    shown as it is, and so are its background pixels.

    Args:
        folder: of a run of ``tagalign segment``.

    Raises:
        DataError: if the folder names no labels.
    """
    masks = {source.key: folder / f"{source.name}.png" for source in named_sources(folder)}
    names = result_names(folder)
    colours = np.array([label_color(i) for i in range(len(names))], dtype=np.uint8)
    background = names.index(BACKGROUND) if BACKGROUND in names else -1

    def opened(key: str) -> Image.Image:
        photo = source_of(key).open()
        mask = masks.get(key)
        return photo if mask is None or not mask.is_file() else _coloured(photo, mask, colours, background)

    return opened


def _coloured(
    photo: Image.Image, path: Path, colours: UInt8[np.ndarray, "labels 3"], background: int
) -> Image.Image:
    with Image.open(path) as mask:
        if mask.size != photo.size or mask.mode != "P":
            return photo
        ids = np.asarray(mask)
    if ids.max(initial=0) >= len(colours):
        return photo
    mixed = Image.blend(photo, Image.fromarray(colours[ids]), OPACITY)
    return Image.composite(mixed, photo, Image.fromarray(ids != background))
