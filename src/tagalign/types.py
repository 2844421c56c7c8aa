"""Frozen values that travel between the floors: what was encoded, what was asked, what came out.

Conventions: ``size`` is always ``(height, width)`` in pixels, ``grid`` always ``(rows, cols)`` in patches, boxes of
results are XYXY in pixels of the original image (ends exclusive), label maps index ``names``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from tagalign.brief import Brief
from tagalign.labels import LabelSet, Size


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class View(Brief):
    """One look at an image: the patch embeddings of the whole of it, or of one sliding window.

    Attributes:
        embeds: patch embeddings in the joint space, row by row from the top left; any norm.
        grid: rows and columns of patches.
        box: XYXY on the canvas, in pixels, ends exclusive.
    """

    embeds: Float[Tensor, "patches dim"]
    grid: tuple[int, int]
    box: tuple[int, int, int, int]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class EncodedImage(Brief):
    """An image after the encoder: everything a dense method needs to answer any number of questions.

    Attributes:
        method: the method that encoded it; another method refuses it.
        embed: embedding of the whole image in the joint space; any norm.
        size: of the original image.
        canvas: size the image was resized to; the boxes of the views lie on it.
        views: one view of the whole canvas, or several windows that cover it.
    """

    method: str
    embed: Float[Tensor, " dim"]
    size: Size
    canvas: Size
    views: tuple[View, ...]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Negatives(Brief):
    """Words that exclude, after the text encoder.

    Attributes:
        embeds: unit-length embeddings, one row per word.
        owners: the label that each row speaks against.
    """

    embeds: Float[Tensor, "rows dim"]
    owners: Int[Tensor, " rows"]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class EncodedLabels(Brief):
    """A label set after the text encoder.

    Attributes:
        method: the method that encoded it; another method refuses it.
        label_set: what was encoded.
        embeds: unit-length embeddings; one row per label, then one row per alias that is used.
        owners: the label each row belongs to; a label scores as its best row.
        background: unit-length embeddings of the background words; no rows when there are none.
        negatives: words that exclude; None when no label has any.
        compounds: unit-length embeddings of sentences that a look weighs beside the labels; None without.
        experts: one classifier of all labels per label, and the average one last, of a look that chose templates.
    """

    method: str
    label_set: LabelSet
    embeds: Float[Tensor, "rows dim"]
    owners: Int[Tensor, " rows"]
    background: Float[Tensor, "background dim"]
    negatives: Negatives | None = None
    compounds: Float[Tensor, "prompts dim"] | None = None
    experts: Float[Tensor, "experts labels dim"] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the labels, in the order of their ids."""
        return self.label_set.names


@dataclass(frozen=True, kw_only=True)
class Tagging:
    """Scores of all labels for one image, and the labels that were chosen.

    Attributes:
        names: all labels asked for.
        scores: one number per label, in [0, 1], higher is surer; comparable within one method only.
        chosen: ids of the labels above the method's threshold, best first.
    """

    names: tuple[str, ...]
    scores: tuple[float, ...]
    chosen: tuple[int, ...]

    @property
    def tags(self) -> tuple[str, ...]:
        """Names of the chosen labels, best first."""
        return tuple(self.names[i] for i in self.chosen)

    def top(self, count: int) -> list[tuple[str, float]]:
        """The ``count`` best labels with their scores, best first; ties keep the order of the labels."""
        order = sorted(range(len(self.names)), key=lambda i: -self.scores[i])
        return [(self.names[i], self.scores[i]) for i in order[:count]]

    def to_classifications(self, *, every: bool = False) -> Any:
        """``supervision.Classifications`` of the chosen labels, or of every one; see ``export.supervision``."""
        # the one way up from here: a result knows what others call it, and nothing is imported before it is asked
        from tagalign.export.supervision import to_classifications

        return to_classifications(self, every=every)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Instance(Brief):
    """One object of a label map: a region of others, or a connected part.

    Attributes:
        label: id into the names of the segmentation.
        name: of the label.
        score: mean over the mask of the winning scores of the pixels that had this label before, 0 for the others; in the
            method's own range.
        box: XYXY in pixels around the mask, ends exclusive.
        inside: what is True inside the box; instances of one image do not overlap.
        size: of the image.
    """

    label: int
    name: str
    score: float
    box: tuple[int, int, int, int]
    inside: Bool[Tensor, "rows cols"]
    size: Size

    @property
    def area(self) -> int:
        """In pixels."""
        return int(self.inside.sum())

    @property
    def mask(self) -> Bool[Tensor, "height width"]:
        """At the size of the image."""
        left, top, right, bottom = self.box
        full = torch.zeros(self.size, dtype=torch.bool)
        full[top:bottom, left:right] = self.inside
        return full


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Segmentation(Brief):
    """A label for every pixel of one image.

    Attributes:
        labels: ids into ``names``, at the original size.
        names: the labels; with a background rule, ``names[0]`` is ``background``.
        scores: the winning score of every pixel, in the method's own range.
        instances: what was found one by one, where that was asked for; None where it was not.
    """

    labels: Int[Tensor, "height width"]
    names: tuple[str, ...]
    scores: Float[Tensor, "height width"]
    instances: tuple[Instance, ...] | None = None

    def shares(self) -> dict[str, float]:
        """Share of the pixels per label that occurs, largest first; sums to 1."""
        counts = self.labels.flatten().bincount(minlength=len(self.names)).tolist()
        total = self.labels.numel()
        return {
            self.names[i]: counts[i] / total
            for i in sorted(range(len(counts)), key=lambda i: -counts[i])
            if counts[i]
        }

    def to_detections(self, *, split: bool = True, min_area: int = 0) -> Any:
        """``supervision.Detections``, one per instance, connected part or label; see ``export.supervision``."""
        from tagalign.export.supervision import to_detections

        return to_detections(self, split=split, min_area=min_area)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Referring(Brief):
    """The region one phrase refers to.

    Attributes:
        phrase: what was asked.
        mask: the region at the original size; may be empty.
        box: XYXY in pixels around the mask, ends exclusive; None when the mask is empty.
        score: best score of the phrase's map, in [0, 1].
        heat: the phrase's map at the original size, in [0, 1].
    """

    phrase: str
    mask: Bool[Tensor, "height width"]
    box: tuple[int, int, int, int] | None
    score: float
    heat: Float[Tensor, "height width"]

    def to_detections(self) -> Any:
        """``supervision.Detections`` of the region: one, or none."""
        from tagalign.export.supervision import referring_to_detections

        return referring_to_detections(self)


@dataclass(frozen=True, kw_only=True)
class Caption:
    """A sentence about one image and the tags that guided it, with their scores."""

    text: str
    tags: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Hit:
    """One result of a search: what was found, how well it fits, and the visible reason."""

    key: str
    score: float
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """Results of one search, best first."""

    query: str
    hits: Sequence[Hit]
