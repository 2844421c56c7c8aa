"""What a mask panel draws: every label, or every instance, at the size of the drawing with its share and score."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Shaped

from tagalign.apps.page.pictures import hex_color
from tagalign.apps.page.texts import say
from tagalign.export.overlay import percent
from tagalign.export.records import Region
from tagalign.labels import BACKGROUND
from tagalign.types import Segmentation

DRAWN_SIDE = 640
"""Longest side of the drawing in its own units; finer outlines cost a browser more than an eye sees."""

GridMask = Bool[np.ndarray, "rows cols"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Drawn:
    """One mask of the drawing: all pixels of a label, or one instance.

    Attributes:
        name: of the label.
        color: as the browser writes it.
        mask: at the size of the drawing.
        share: of the photo.
        score: mean of the winning scores inside; None where nobody knows.
    """

    name: str
    color: str
    mask: GridMask
    share: float
    score: float | None

    @property
    def words(self) -> str:
        """What is said of it."""
        return mask_words(self.name, self.score, self.share)

    @property
    def rank(self) -> float:
        """The score for the slider, which leaves masks alone that have none."""
        return 1.0 if self.score is None else self.score


def mask_words(name: str, score: float | None, share: float) -> str:
    """What is said of a mask.

    >>> mask_words("dog", 0.5, 0.123), mask_words("dog", None, 0.123)
    ('dog · score 0.50 · 12 % of the photo', 'dog · 12 % of the photo')
    """
    if score is None:
        return say("masks.say_unscored", name=name, share=percent(share))
    return say("masks.say", name=name, score=f"{score:.2f}", share=percent(share))


def drawn_region(name: str, region: Region, *, scored: bool = True) -> Drawn:
    """One region under a name of its own."""
    mask = _shrunk(region.full_mask())
    share = region.area / (region.size[0] * region.size[1])
    return _drawn(mask, name, region.label, share, region.score if scored else None)


def drawn_masks(found: Segmentation) -> Iterator[Drawn]:
    """The masks of a drawing, largest first; ``background`` has none."""
    if found.instances is not None:
        for one in sorted(found.instances, key=lambda one: -one.area):
            small = _shrunk(one.mask.numpy())
            share = one.area / found.labels.numel()
            yield _drawn(small, one.name, one.label, share, float(one.score))
        return
    # one pass over all pixels, however many labels: a photo of 8 megapixels is looked at while a person waits
    flat = found.labels.cpu().flatten()
    counts = flat.bincount(minlength=len(found.names))
    sums = flat.bincount(weights=found.scores.float().cpu().flatten(), minlength=len(found.names))
    small = _shrunk(found.labels.cpu().numpy())
    for name, share in found.shares().items():
        if name != BACKGROUND:
            label = found.names.index(name)
            yield _drawn(small == label, name, label, share, float(sums[label] / counts[label]))


def _drawn(mask: GridMask, name: str, label: int, share: float, score: float | None) -> Drawn:
    return Drawn(name=name, color=hex_color(label), mask=mask, share=share, score=score)


def _shrunk(values: Shaped[np.ndarray, "height width"]) -> Shaped[np.ndarray, "rows cols"]:
    """The nearest pixels at the size of the drawing."""
    scale = min(1.0, DRAWN_SIDE / max(values.shape))
    rows, columns = (_nearest(side, max(1, round(side * scale))) for side in values.shape)
    return values[rows[:, None], columns]


def _nearest(side: int, drawn: int) -> Shaped[np.ndarray, " drawn"]:
    return ((np.arange(drawn) + 0.5) * side / drawn).astype(np.int64)
