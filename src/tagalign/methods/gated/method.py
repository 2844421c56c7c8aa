"""Tag-gated segmentation: the tagger says which labels are in the image before a dense method argues about every pixel.

Hard: the label list is cut to the tags. Soft: tag scores multiply the class probabilities. Any segmenter can be gated.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from tagalign.brief import Brief
from tagalign.errors import InputError, UnknownNameError
from tagalign.labels import LabelSet, Size
from tagalign.methods.gated.options import SHARPNESS, GatedOptions
from tagalign.methods.label_rows import part_of
from tagalign.methods.looks.taker import TaggerTakesLook
from tagalign.methods.options import build_options
from tagalign.methods.protocols import (
    Adjustable,
    BackgroundRule,
    HeatMapper,
    PassSharer,
    SaysSeenSize,
    Segmenter,
    refuse_foreign,
    refuse_foreign_labels,
)
from tagalign.methods.tagclip.image import TagClipImage
from tagalign.methods.tagclip.method import TagClip
from tagalign.types import EncodedLabels, Segmentation, Tagging

GATES = ("hard", "soft")
BACKGROUND = "background"

SCORE_FLOOR = 1e-6
"""Of a tag score and of a probability in the soft gate: no label is ruled out for good."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class GatedImage(Brief):
    """An image for the tagger, and for the dense method."""

    method: str
    tags: TagClipImage
    dense: Any

    @property
    def embed(self) -> Tensor:
        """Of the whole image, as the tagger sees it."""
        return self.tags.embed


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class GatedLabels(EncodedLabels):
    """Labels for the tagger, and for the dense method with its own prompts."""

    tags: EncodedLabels
    dense: EncodedLabels


class Gated(TaggerTakesLook):
    """A tagger in front of a segmenter.

    Attributes:
        method: ``gated``.
        tagger: which labels are in the image.
        segmenter: which label has each pixel.
    """

    method = "gated"

    def __init__(
        self,
        tagger: TagClip,
        segmenter: Segmenter[Any],
        *,
        gate: str = "hard",
        sharpness: float = SHARPNESS,
        given: GatedOptions | None = None,
    ) -> None:
        """Settings.

        Args:
            tagger: its threshold decides what the hard gate lets through.
            segmenter: any; the soft gate needs one with maps of all labels.
            gate: ``hard`` or ``soft``.
            sharpness: of the dense method's odds in the soft gate; smaller lets the tags count more.
            given: the options that tagger and dense method were built from, for variants.

        Raises:
            InputError: for an unknown gate, or a soft one before a method without maps.
        """
        if gate not in GATES:
            raise UnknownNameError("gate", gate, GATES)
        if gate == "soft" and not isinstance(segmenter, HeatMapper):
            raise InputError(
                f"the soft gate needs maps of all labels, which method {segmenter.method!r} has not; use the hard gate"
            )
        self.given = self.options = given or build_options(
            GatedOptions, {"gate": gate, "sharpness": sharpness}, method=self.method
        )
        self.tagger = tagger
        self.segmenter = segmenter
        self.gate = gate
        self.sharpness = sharpness

    def describe(self) -> dict[str, object]:
        """Everything a printed number must name."""
        return {
            "method": self.method,
            "gate": self.gate,
            "sharpness": self.sharpness if self.gate == "soft" else None,
            "tagger": self.tagger.describe(),
            "segmenter": self.segmenter.describe(),
        }

    def with_options(self, options: GatedOptions) -> "Gated":
        """The same method under other options; the encoder, and what the segmenter holds, are shared.

        Raises:
            InputError: for an option that the segmenter has not, or another segmenter.
        """
        if options.segmenter != self.given.segmenter:
            raise InputError("segmenter: another one is another model; open it with method 'gated'")
        dense = self.segmenter
        if options.dense_values() != self.given.dense_values():
            if not isinstance(dense, Adjustable):
                raise InputError(f"segmenter {dense.method!r} takes its options when it is opened")
            dense = dense.with_options(
                build_options(type(dense.given), options.dense_values(), method=dense.method)
            )
        return Gated(
            self.tagger.with_options(options.tagger()),
            dense,
            gate=options.gate,
            sharpness=options.sharpness,
            given=options,
        )

    def seen_size(self, size: Size) -> Size:
        """See ``SaysSeenSize``: what the larger of both needs."""
        tags = self.tagger.seen_size(size)
        # one that does not say needs all of it
        dense = self.segmenter.seen_size(size) if isinstance(self.segmenter, SaysSeenSize) else size
        return max(tags[0], dense[0]), max(tags[1], dense[1])

    def encode_images(self, images: Sequence[Image.Image]) -> list[GatedImage]:
        """Encode upright RGB images for both; two passes of the encoder."""
        pairs = zip(self.tagger.encode_images(images), self.segmenter.encode_images(images), strict=True)
        return [GatedImage(method=self.method, tags=tags, dense=dense) for tags, dense in pairs]

    def pass_shape(self, size: Size) -> tuple[int, ...]:
        """Those that share a pass in both."""
        dense = self.segmenter.pass_shape(size) if isinstance(self.segmenter, PassSharer) else size
        return (*self.tagger.pass_shape(size), *dense)

    def encode_labels(self, labels: LabelSet) -> GatedLabels:
        """Labels for both, each with its own prompts where the set brings none."""
        tags = self.tagger.encode_labels(labels)
        return GatedLabels(
            method=self.method,
            label_set=labels,
            embeds=tags.embeds,
            owners=tags.owners,
            background=tags.background,
            negatives=tags.negatives,
            tags=tags,
            dense=self.segmenter.encode_labels(labels),
        )

    def tag(self, image: GatedImage, labels: GatedLabels) -> Tagging:
        """The tagger's scores and tags."""
        return self.tag_batch([image], labels)[0]

    def tag_batch(self, images: Sequence[GatedImage], labels: GatedLabels) -> list[Tagging]:
        """As ``tag`` for each image; crops share their passes."""
        for image in images:
            refuse_foreign(image.method, self.method)
        refuse_foreign_labels(labels, self.method)
        return self.tagger.tag_batch([image.tags for image in images], labels.tags)

    def segment(
        self, image: GatedImage, labels: GatedLabels, *, photo: Image.Image | None = None
    ) -> Segmentation:
        """Tag, then segment among the tags."""
        return self.segment_tagged(image, labels, self.tag(image, labels), photo=photo)

    def segment_batch(
        self, images: Sequence[GatedImage], labels: GatedLabels, photos: Sequence[Image.Image]
    ) -> list[Segmentation]:
        """As ``segment`` for each image; the tagger's crops share their passes."""
        taggings = self.tag_batch(images, labels)
        return [
            self.segment_tagged(image, labels, tagging, photo=photo)
            for image, tagging, photo in zip(images, taggings, photos, strict=True)
        ]

    def segment_tagged(
        self, image: GatedImage, labels: GatedLabels, tagging: Tagging, *, photo: Image.Image | None = None
    ) -> Segmentation:
        """Segment with tags that are already known.

        Args:
            image: encoded by this method.
            labels: encoded by this method.
            tagging: scores and chosen labels of the image; with none chosen the best one is let through.
            photo: the original image, for dense methods that refine by its colours.
        """
        refuse_foreign(image.method, self.method)
        refuse_foreign_labels(labels, self.method)
        if self.gate == "soft":
            return self._soft(image, labels, tagging)
        kept = sorted(tagging.chosen) or [max(range(len(tagging.scores)), key=lambda i: tagging.scores[i])]
        found = self.segmenter.segment(image.dense, take_labels(labels.dense, kept), photo=photo)
        return widen(found, kept, labels.names)

    @torch.inference_mode()
    def _soft(self, image: GatedImage, labels: GatedLabels, tagging: Tagging) -> Segmentation:
        if not isinstance(self.segmenter, HeatMapper):
            raise AssertionError("the soft gate was refused without maps")
        heat = self.segmenter.heat_maps(image.dense, labels.dense)
        scores = torch.tensor(tagging.scores, device=heat.device).clamp_min(SCORE_FLOOR)
        # log of (class probability x tag score), up to a term that all labels of a pixel share: the map is a sigmoid of the
        # scaled cosine, so its logit is what a softmax over the labels would take
        joint = self.sharpness * torch.logit(heat, eps=SCORE_FLOOR) + scores.log()[:, None, None]
        ids = joint.argmax(dim=0)
        best = heat.gather(0, ids[None])[0]
        if isinstance(self.segmenter, BackgroundRule):
            return self.segmenter.with_background(best, ids, labels.names)
        return Segmentation(labels=ids, names=labels.names, scores=best)


def take_labels(labels: EncodedLabels, ids: Sequence[int]) -> EncodedLabels:
    """The embeddings of some labels, in ascending order of their ids."""
    kept = sorted(ids)
    place = torch.full((len(labels.names),), -1, dtype=torch.long, device=labels.owners.device)
    place[kept] = torch.arange(len(kept), device=place.device)
    owners = place[labels.owners]
    rows = owners >= 0
    subset = replace(labels.label_set, labels=tuple(labels.label_set.labels[i] for i in kept))
    return EncodedLabels(
        method=labels.method,
        label_set=subset,
        embeds=labels.embeds[rows],
        owners=owners[rows],
        background=labels.background,
        negatives=part_of(labels.negatives, place),
    )


def widen(found: Segmentation, kept: Sequence[int], names: tuple[str, ...]) -> Segmentation:
    """A segmentation among some labels, with ids among all of them; a background stays id 0."""
    has_background = len(found.names) > len(kept)
    table = torch.tensor(
        [0, *(i + 1 for i in kept)] if has_background else list(kept), device=found.labels.device
    )
    return Segmentation(
        labels=table[found.labels],
        names=(found.names[0], *names) if has_background else names,
        scores=found.scores,
    )
