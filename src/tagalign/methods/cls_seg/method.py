"""CLS-SEG: classify, then segment. TagCLIP's tags, the class activation maps of CLIP-ES, and the encoder's own affinity.

The maps reuse everything that the tagger's pass computed; only the last block runs again, once for all tags.
Reference: Lin et al., TagCLIP, arXiv:2312.12828, and CLIP-ES, arXiv:2212.09506.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from tagalign.backbones.pixels import resize
from tagalign.backbones.protocols import BlockBackbone
from tagalign.errors import InputError
from tagalign.labels import LabelSet, Size
from tagalign.methods.cls_seg.cam_block import probs_of_normed
from tagalign.methods.cls_seg.options import ClsSegOptions
from tagalign.methods.describe import describe_options
from tagalign.methods.label_rows import beaten
from tagalign.methods.labels import encode_label_set
from tagalign.methods.looks.step import mark_of
from tagalign.methods.looks.taker import TaggerTakesLook
from tagalign.methods.protocols import refuse_foreign, refuse_foreign_labels
from tagalign.methods.refinements import open_refinement
from tagalign.methods.resources import Resources
from tagalign.methods.tagclip.image import TagClipImage
from tagalign.methods.tagclip.method import TagClip
from tagalign.methods.tagclip.presets import filled
from tagalign.methods.tagclip.profiles import TagClipProfile
from tagalign.methods.text_cache import cached_labels
from tagalign.ops.affinity import scale_up, share_box_mask, sinkhorn_affinity, spread
from tagalign.ops.cam import activation_maps, tag_weights, tag_weights_autograd
from tagalign.ops.refinement import Refinement, RefinementInput
from tagalign.ops.windows import upsample
from tagalign.tags.label_sets import template_set
from tagalign.types import EncodedLabels, Segmentation, Tagging

BACKGROUND = "background"
REFINE_SIDE = 512  # pixels; a VOC photo is refined at its own size, as the papers do
MAP_CELLS = 2**26
"""Pixels x tags held at the original size at a time."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ClsSegLabels(EncodedLabels):
    """Labels for the tagger, and again for the class activation maps, which have a prompt of their own.

    Attributes:
        cam_embeds: unit-length, one row per label.
        cam_background: likewise of the words that compete with the tags; never empty.
    """

    cam_embeds: Float[Tensor, "labels dim"]
    cam_background: Float[Tensor, "words dim"]


@dataclass(frozen=True, kw_only=True, eq=False)
class CamSteps:
    """Class activation maps of some tags of one image, step by step; maps are on the patch grid.

    Attributes:
        weights: gradient of each tag's probability, averaged over patches.
        probs: of the tags, then of the background words.
        raw: weighted sum of the features, before the ReLU.
        maps: after ReLU and scaling to [0, 1].
        box_mask: patches whose scores are spread.
        affinity: between patches, nearly doubly stochastic.
        spread: maps after two steps along the affinity.
    """

    weights: Float[Tensor, "tags width"]
    probs: Float[Tensor, " labels"]
    raw: Float[Tensor, "patches tags"]
    maps: Float[Tensor, "patches tags"]
    box_mask: Float[Tensor, "patches tags"]
    affinity: Float[Tensor, "patches patches"]
    spread: Float[Tensor, "patches tags"]


class ClsSeg(TaggerTakesLook):
    """Training-free tagger and segmenter.

    Attributes:
        method: ``cls-seg``.
        tagger: decides which labels get a map.
    """

    def __init__(
        self,
        backbone: BlockBackbone,
        options: ClsSegOptions | None = None,
        *,
        method: str = "cls-seg",
        profile: TagClipProfile | None = None,
        resources: Resources | None = None,
    ) -> None:
        """Settle what the options leave to the encoder.

        Args:
            backbone: any CLIP vision transformer.
            options: see ``ClsSegOptions``.
            method: name that encoded values carry.
            profile: switches of your own instead of those that the options name.
            resources: see ``TagClip``.
        """
        given = options or ClsSegOptions()
        self.given = given
        self.tagger = TagClip(
            backbone,
            given,
            method=method,
            profile=profile,
            affinity_layers=given.affinity_layers,
            keep_last_input=True,
            resources=resources,
        )
        self.method = method
        self.backbone = backbone
        self.refinement = open_refinement(given.refine, without_names=method)
        self.block = backbone.last_block()
        closed = given.gradient == "closed" and self.block is not None  # not every family has a closed form
        self.options = replace(
            filled(given),
            min_votes=self.tagger.layers.min_votes,
            gradient="closed" if closed else "autograd",
        )

    def describe(self) -> dict[str, object]:
        """Everything a printed number must name."""
        return {
            **self.tagger.describe(),
            **describe_options(self.options),
            "refine_layers": list(self.tagger.layers.refine),
            "affinity_layers": list(self.tagger.layers.affinity),
            "profile": self.tagger.profile.name,
            "look": mark_of(self.tagger.step),
        }

    def with_options(self, options: Any) -> "ClsSeg":
        """The same method under other options; the encoder is shared."""
        return ClsSeg(self.backbone, options, method=self.method, resources=self.tagger.resources)

    # --- encoding -------------------------------------------------------------------------------------------------

    def encode_images(self, images: Sequence[Image.Image]) -> list[TagClipImage]:
        """Encode upright RGB images of any sizes; equal to encoding them one by one."""
        return self.tagger.encode_images(images)

    def seen_size(self, size: Size) -> Size:
        """See ``SaysSeenSize``."""
        return self.tagger.seen_size(size)

    def lay(self, image: Image.Image) -> Float[Tensor, "3 height width"]:
        """Resize and normalise: what a loading thread can do ahead."""
        return self.tagger.lay(image)

    def pass_shape(self, size: Size) -> tuple[int, ...]:
        """Those of the tagger."""
        return self.tagger.pass_shape(size)

    def encode_pixels(
        self, pixels: Sequence[Float[Tensor, "3 _ _"]], sizes: Sequence[tuple[int, int]]
    ) -> list[TagClipImage]:
        """Encode images that are already laid; see ``TagClip.encode_pixels``."""
        return self.tagger.encode_pixels(pixels, sizes)

    def encode_labels(self, labels: LabelSet) -> ClsSegLabels:
        """Labels for the tagger, and with CLIP-ES's prompt for the maps.

        A set without background words gets the single word "background" there, as the release does for COCO-Stuff: the
        gradient of a softmax over one label is zero.
        """
        tags = self.tagger.encode_labels(labels)
        cam = self._encode_cam(labels)
        return ClsSegLabels(
            method=self.method,
            label_set=labels,
            embeds=tags.embeds,
            owners=tags.owners,
            background=tags.background,
            negatives=tags.negatives,
            cam_embeds=cam.embeds,
            cam_background=cam.background,
        )

    def _encode_cam(self, labels: LabelSet) -> EncodedLabels:
        names = tuple(
            replace(
                label,
                name=",".join((label.name, *label.aliases)) if self.options.fuse_aliases else label.name,
                aliases=(),
                negatives=(),  # they speak against patches, by the tagger's prompts
            )
            for label in labels.labels
        )
        wanted = replace(
            labels,
            labels=names,
            background=labels.background or (BACKGROUND,),
            templates=template_set("clip-es"),
        )
        return cached_labels(
            lambda chosen: encode_label_set(self.backbone, chosen, method=self.method),
            wanted,
            method=self.method,
            backbone=self.backbone,
            templates=(),
            variant="unit mean",
            folder=self.tagger.resources.text_cache,
        )

    # --- answers --------------------------------------------------------------------------------------------------

    def tag(self, image: TagClipImage, labels: EncodedLabels) -> Tagging:
        """The tagger's scores and tags."""
        return self.tagger.tag(image, labels)

    def tag_batch(self, images: Sequence[TagClipImage], labels: EncodedLabels) -> list[Tagging]:
        """As ``tag`` for each image; crops share their passes."""
        return self.tagger.tag_batch(images, labels)

    def segment(
        self, image: TagClipImage, labels: ClsSegLabels, *, photo: Image.Image | None = None
    ) -> Segmentation:
        """Tag, then segment with the chosen tags."""
        return self.segment_tags(image, labels, self.tag(image, labels).chosen, photo=photo)

    def segment_batch(
        self, images: Sequence[TagClipImage], labels: ClsSegLabels, photos: Sequence[Image.Image]
    ) -> list[Segmentation]:
        """As ``segment`` for each image; the tagger's crops share their passes."""
        taggings = self.tag_batch(images, labels)
        return [
            self.segment_tags(image, labels, tagging.chosen, photo=photo)
            for image, tagging, photo in zip(images, taggings, photos, strict=True)
        ]

    @torch.inference_mode()
    def segment_tags(
        self,
        image: TagClipImage,
        labels: ClsSegLabels,
        tags: Sequence[int],
        *,
        photo: Image.Image | None = None,
    ) -> Segmentation:
        """Segment with given tags: from the tagger, or image-level labels that a person gave.

        Args:
            image: encoded by this method.
            labels: encoded by this method.
            tags: ids of the labels that are in the image; none gives background everywhere (or label 0 without the rule).
            photo: the original image, where the maps are refined.

        Raises:
            InputError: if the image was encoded by another method, or a refinement has no photo.
        """
        refuse_foreign(image.method, self.method)
        refuse_foreign_labels(labels, self.method)
        names = (BACKGROUND, *labels.names) if self.options.background_rule else labels.names
        ids = torch.tensor(sorted(tags), dtype=torch.long, device=image.embeds.device) + int(
            self.options.background_rule
        )
        if not len(ids):
            empty = torch.zeros(image.size, dtype=torch.long, device=ids.device)
            return Segmentation(labels=empty, names=names, scores=torch.ones(image.size, device=ids.device))
        maps = self.scaled_maps(image, labels, sorted(tags))
        if labels.negatives is not None:
            maps = maps.masked_fill(beaten(image.embeds, labels)[sorted(tags)].unflatten(1, image.grid), 0)
        if self.refinement is not None:
            best, places = self._refined(self.refinement, maps, image, photo)
        else:
            best, places = _running_best(maps, image.size, self._background)
        table = torch.cat([ids.new_zeros(1), ids]) if self.options.background_rule else ids
        return Segmentation(labels=table[places], names=names, scores=best)

    @torch.inference_mode()
    def steps(self, image: TagClipImage, labels: ClsSegLabels, tags: Sequence[int]) -> CamSteps:
        """Class activation maps of some tags, step by step.

        Raises:
            InputError: for an image that a tagger encoded: it lacks the last block's input.
        """
        if image.last_input is None or image.affinity is None:
            raise InputError(
                "the image was encoded without what class activation maps need; encode it with this method"
            )
        ids = torch.tensor(list(tags), dtype=torch.long, device=image.last_input.device)
        text = torch.cat([labels.cam_embeds[ids], labels.cam_background]).to(image.last_input.dtype)
        normed = self.backbone.blocks[-1].norm1(image.last_input)
        weights, probs = self._weights(image.last_input, normed, text, len(ids))
        raw = activation_maps(weights, normed[self.backbone.num_prefix :])
        # twice, as CLIP-ES: the first leaves the highest value 1e-7 / max below 1
        maps = scale_up(scale_up(raw.relu()))
        lose_last = self.tagger.profile.loses_last
        box_mask = share_box_mask(maps, self.options.box_share, image.grid, lose_last=lose_last)
        affinity = sinkhorn_affinity(image.affinity)
        return CamSteps(
            weights=weights,
            probs=probs,
            raw=raw,
            maps=maps,
            box_mask=box_mask.float(),
            affinity=affinity,
            spread=spread(affinity, maps, box_mask),
        )

    def _weights(self, x: Tensor, normed: Tensor, text: Tensor, num_tags: int) -> tuple[Tensor, Tensor]:
        scale = self.backbone.logit_scale
        if self.block is not None and self.options.gradient == "closed":
            return tag_weights(self.block, x, normed, text, num_tags=num_tags, logit_scale=scale)
        forward = probs_of_normed(self.backbone, x, text, scale)
        return tag_weights_autograd(forward, normed, num_tags, prefix=self.backbone.num_prefix), forward(
            normed
        )

    def scaled_maps(
        self, image: TagClipImage, labels: ClsSegLabels, tags: Sequence[int]
    ) -> Float[Tensor, "tags rows cols"]:
        """Spread maps of the tags in [0, 1], on the patch grid."""
        return scale_up(self.steps(image, labels, tags).spread).T.unflatten(1, image.grid)

    def _background(self, best: Tensor) -> Tensor | None:
        return (1 - best) ** self.options.background_power if self.options.background_rule else None

    def _refined(
        self, refinement: Refinement, maps: Tensor, image: TagClipImage, photo: Image.Image | None
    ) -> tuple[Tensor, Tensor]:
        if photo is None:
            raise InputError(
                f"refine {self.options.refine!r} looks at the colours of the photo; give segment(..., photo=IMAGE)"
            )
        scene = RefinementInput(
            size=image.size,
            work_size=refining_size(image.size),
            maps=lambda size: self._with_background(upsample(maps, size)),
            photo=lambda size: resize(photo, size),
        )
        best, places = upsample(refinement(scene), image.size).max(dim=0)
        return best, places

    def _with_background(self, scores: Tensor) -> Tensor:
        background = self._background(scores.amax(dim=0))
        return scores if background is None else torch.cat([background[None], scores])


def refining_size(size: tuple[int, int]) -> tuple[int, int]:
    """At most ``REFINE_SIDE`` on the short side: refinement costs time and memory per pixel and label."""
    scale = min(1.0, REFINE_SIDE / min(size))
    height, width = (max(1, round(side * scale)) for side in size)
    return height, width


def _running_best(maps: Tensor, size: tuple[int, int], background: Any) -> tuple[Tensor, Tensor]:
    """Best map of every pixel at the original size and its place, 0 for the background rule; few maps at a time."""
    step = max(1, MAP_CELLS // (size[0] * size[1]))
    best, places = upsample(maps[:step], size).max(dim=0)
    for start in range(step, len(maps), step):
        scores, local = upsample(maps[start : start + step], size).max(dim=0)
        places = torch.where(scores > best, local + start, places)
        best = torch.maximum(scores, best)
    behind = background(best)
    if behind is None:
        return best, places
    # argmax over [background, maps]: a tie goes to the background, which comes first
    return torch.maximum(best, behind), torch.where(best > behind, places + 1, 0)
