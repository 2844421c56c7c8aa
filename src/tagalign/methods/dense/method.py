"""Segmentation, tagging and referring by cosine of patch and text embeddings: CLIP's dense modes, and TagAlign on top.

A baseline is this class without a projector; both share every line of the code path, so their rows can be compared.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from tagalign.backbones.facts import facts_of
from tagalign.backbones.finite import checked
from tagalign.backbones.preprocess import Preprocessing, resize, to_tensor
from tagalign.backbones.protocols import Backbone, DenseFeatures, Mode, Resize
from tagalign.errors import InputError
from tagalign.methods.dense.canvas import Canvas, CanvasRule, batches_of_one_size, default_short_side
from tagalign.methods.dense.mode_options import has_own_profile, mode_with, options_of_mode, settled_by
from tagalign.methods.dense.options import DenseOptions, ModeOptions, TagAlignOptions
from tagalign.methods.dense.profiles import DenseProfile, dense_profile
from tagalign.methods.dense.projector import Projector
from tagalign.methods.dense.score_maps import (
    Layers,
    ScoreRule,
    best_labels,
    best_names,
    contrast_map,
    cosine_maps,
    name_cosines,
    probability_maps,
)
from tagalign.methods.dense.stitching import check_stitching, stitched
from tagalign.methods.describe import describe_options
from tagalign.methods.labels import embed_names, encode_label_set
from tagalign.methods.looks.step import finish_tagging, mark_of, open_step
from tagalign.methods.looks.taker import TakesLook
from tagalign.methods.protocols import refuse_foreign, refuse_foreign_labels
from tagalign.methods.refinements import open_refinement
from tagalign.methods.resources import Resources
from tagalign.ops.grid import map_to_tokens, tokens_to_map
from tagalign.ops.refinement import Names, Scene
from tagalign.ops.windows import upsample
from tagalign.types import (
    EncodedImage,
    EncodedLabels,
    Label,
    LabelSet,
    Referring,
    Segmentation,
    Size,
    Tagging,
    View,
)

Embedded = tuple[
    list[tuple[int, int]],
    list[tuple[int, int, int, int]],
    tuple[int, int],
    list[Float[Tensor, "batch patches dim"]],
]
"""Canvas and view of each row, its box, the grid, and the embeddings by head."""

FLAT = 1e-6  # of a cosine map: what is left of a constant one after rounding
# refinement runs on maps of at most this short side: 480 shifted copies per map are PAMR's cost
REFINE_SHORT_SIDE = 224


@dataclass(frozen=True, kw_only=True, eq=False)
class BlendedImage:
    """An image encoded by the trained and by the frozen head, for profiles that mix both maps (``clip_weight``)."""

    aligned: EncodedImage
    frozen: EncodedImage


class DenseMethod(TakesLook):
    """A dense CLIP as tagger, segmenter and referrer.

    Attributes:
        method: ``clip``, ``maskclip``, ... or ``tagalign``.
        backbone: the frozen encoder.
        mode: name of its dense mode.
        dense_mode: that mode with its options, as ``backbone.encode_dense`` takes it.
        projector: the trained part; None for baselines, which use CLIP's own head.
    """

    def __init__(
        self,
        backbone: Backbone,
        options: DenseOptions | None = None,
        *,
        method: str,
        mode: str,
        projector: Projector | None = None,
        logit_scale: float | None = None,
        resources: Resources | None = None,
    ) -> None:
        """Settle what the options leave to the profile and the encoder.

        Args:
            backbone: the frozen encoder.
            options: see ``DenseOptions``; those of ``TagAlignOptions`` mix in the frozen map.
            method: name that encoded values carry.
            mode: name of the dense mode of the encoder; its options are taken from ``options``.
            projector: the trained part; None for baselines.
            logit_scale: learned inverse temperature; the encoder's own when None.
            resources: batch size.

        Raises:
            InputError: for a stride without windows.
        """
        self.method = method
        self.backbone = backbone
        self.mode = mode
        options = options or options_of_mode(mode)()
        self.given = options
        calibrated = has_own_profile(mode)
        # of a trained part, its own profile decides: the mode below it takes its default
        own = calibrated and isinstance(options, options_of_mode(mode))
        self.profile = dense_profile(options.profile or "paper", calibrated=own)
        self.projector = projector.eval() if projector is not None else None
        self.logit_scale = logit_scale or backbone.logit_scale
        self.resources = resources or Resources()
        self.canvas_rule = canvas_rule(options, self.profile, backbone)
        self.dense_mode = mode_with(mode, options)
        self.options = settle(options, self.profile, self.canvas_rule, self.dense_mode)
        self.refinement = open_refinement(self.options.refine)
        self.preprocessing = _preprocessing(backbone.preprocessing, self.profile)
        self.rule = ScoreRule(
            scale=self.options.sigmoid_scale,
            bias=self.options.sigmoid_bias,
            sigmoid_first=self.profile.sigmoid_first,
        )
        self.step = None  # what is described below is without it
        self.step = open_step(self.options.look, self.look_facts())

    def describe(self) -> dict[str, object]:
        """Everything a printed number must name."""
        return {
            "method": self.method,
            **facts_of(self.backbone),
            "mode": self.mode,
            "template": self.profile.template,
            **describe_options(self.options),
            "look": mark_of(self.step),
        }

    def with_options(self, options: Any) -> "DenseMethod":
        """The same method under other options; encoder and projector are shared."""
        return type(self)(
            self.backbone,
            options,
            method=self.method,
            mode=self.mode,
            projector=self.projector,
            logit_scale=self.logit_scale,
            resources=self.resources,
        )

    @property
    def clip_weight(self) -> float:
        """Weight of the frozen head's map beside the trained one; 0 for baselines."""
        return self.options.clip_weight or 0.0 if isinstance(self.options, TagAlignOptions) else 0.0

    # --- encoding -------------------------------------------------------------------------------------------------

    def encode_images(self, images: Sequence[Image.Image]) -> list[EncodedImage | BlendedImage]:
        """Upright RGB images of any sizes; equal to encoding them one by one."""
        return self.encode_canvases([self.canvas_rule.lay(image, self.preprocessing) for image in images])

    @torch.inference_mode()
    def encode_canvases(self, canvases: Sequence[Canvas]) -> list[EncodedImage | BlendedImage]:
        """Canvases that are already laid, for callers that load and resize in other processes."""
        heads = 2 if self.clip_weight else 1
        views: list[list[dict[int, View]]] = [[{} for _ in canvases] for _ in range(heads)]
        for places, boxes, grid, embeds in self._embedded(canvases):
            for head, head_embeds in enumerate(embeds):
                for (i, j), box, row in zip(places, boxes, head_embeds, strict=True):
                    views[head][i][j] = View(embeds=row, grid=grid, box=box)
        encoded = [
            [
                self._encoded(canvas, [v[j] for j in range(len(v))])
                for canvas, v in zip(canvases, head_views, strict=True)
            ]
            for head_views in views
        ]
        if heads == 1:
            return list(encoded[0])
        return [BlendedImage(aligned=a, frozen=f) for a, f in zip(*encoded, strict=True)]

    def _embedded(self, canvases: Sequence[Canvas]) -> Iterator[Embedded]:
        """Patch embeddings of all views, batch by batch: windows by themselves, or joined to one view per canvas."""
        if not self._stitch:
            for places, pixels in batches_of_one_size(canvases, self.resources.batch_size):
                grid, embeds = self._embed(pixels.to(self.backbone.device))
                yield places, [canvases[i].boxes[j] for i, j in places], grid, embeds
            return
        for i, canvas in enumerate(canvases):
            features = stitched(
                self.backbone, canvas, self.dense_mode, self._positions, self.resources.batch_size
            )
            grid, embeds = self._headed(features)
            height, width = canvas.pixels.shape[1:]
            yield [(i, 0)], [(0, 0, width, height)], grid, embeds

    def _embed(self, pixels: Tensor) -> tuple[tuple[int, int], list[Tensor]]:
        """Patch embeddings of a batch by the trained head, and by CLIP's own where it is mixed in or the only one."""
        return self._headed(
            self.backbone.encode_dense(pixels, mode=self.dense_mode, positions=self._positions)
        )

    @property
    def _positions(self) -> Resize | None:
        is_offset = isinstance(self.options, ModeOptions) and self.options.positions == "offset"
        return "offset" if is_offset else None

    @property
    def _stitch(self) -> bool:
        return isinstance(self.options, ModeOptions) and self.options.stitch

    def _headed(self, features: DenseFeatures) -> tuple[tuple[int, int], list[Tensor]]:
        """What the heads make of dense features."""
        if self.projector is None:
            return features.grid, [self.backbone.project(features.patches)]
        maps = tokens_to_map(features.patches, features.grid)
        projected = map_to_tokens(self.projector(maps.to(self.projector.proj.dtype)))
        embeds = [checked(projected, self.projector, name=self.method, what="embeddings of the trained head")]
        if self.clip_weight:
            embeds.append(self.backbone.project(features.patches))
        return features.grid, embeds

    def _encoded(self, canvas: Canvas, views: Sequence[View]) -> EncodedImage:
        pooled = torch.stack([view.embeds.float().mean(dim=0) for view in views]).mean(dim=0)
        size = (canvas.pixels.shape[1], canvas.pixels.shape[2])
        return EncodedImage(
            method=self.method, embed=pooled, size=canvas.size, canvas=size, views=tuple(views)
        )

    def encode_labels(self, labels: LabelSet) -> EncodedLabels:
        """Labels with the templates of their set; a set without its own gets the profile's template."""
        return encode_label_set(
            self.backbone,
            labels,
            method=self.method,
            templates=(self.profile.template,),
            mean=self.profile.template_mean,
            use_aliases=self.options.use_aliases,
        )

    @torch.inference_mode()
    def name_cosines(
        self, image: EncodedImage | BlendedImage, labels: EncodedLabels, *, size: Size | None = None
    ) -> Float[Tensor, "names height width"]:
        """Cosine of every name at every pixel of the original image, before aliases are merged; see ``score_maps``."""
        layers = self._layers(image, labels)
        by_canvas = self.profile.native_windows
        return name_cosines(layers, labels, size or layers[0][1].size, by_canvas=by_canvas)

    # --- answers --------------------------------------------------------------------------------------------------

    def _layers(self, image: EncodedImage | BlendedImage, labels: EncodedLabels | None = None) -> Layers:
        if labels is not None:
            refuse_foreign_labels(labels, self.method)
        if isinstance(image, BlendedImage):
            refuse_foreign(image.aligned.method, self.method)
            weight = self.clip_weight
            return ((1 - weight, image.aligned), (weight, image.frozen))
        refuse_foreign(image.method, self.method)
        return ((1.0, image),)

    @torch.inference_mode()
    def segment(
        self, image: EncodedImage | BlendedImage, labels: EncodedLabels, *, photo: Image.Image | None = None
    ) -> Segmentation:
        """Argmax over labels at every pixel.

        With the background rule, background where the best probability is at most the threshold, or where a background
        word of the label set fits at least as well. Without the rule such words do not count: there is no class for them.

        Args:
            image: what ``encode_images`` returned.
            labels: what ``encode_labels`` returned.
            photo: the same upright RGB image; needed when ``refine`` is on, which looks at its colours.

        Raises:
            InputError: if the image was encoded by another method, or the photo is missing.
        """
        layers = self._layers(image, labels)
        if self.refinement is None:
            scores, ids = best_labels(layers, labels, self.rule, layers[0][1].size)
        elif photo is None:
            raise InputError(f"refine={self.options.refine!r} looks at the colours of the photo; pass photo=")
        else:
            refined = self.refinement(self._scene(layers, labels, photo))
            scores, ids = upsample(refined, layers[0][1].size).max(dim=0)
        found = self.with_background(scores, ids, labels.names)
        if self.options.background_threshold is None or not len(labels.background):
            return found
        words, _ = best_labels(layers, background_as_labels(labels), self.rule, layers[0][1].size)
        return replace(found, labels=torch.where(words >= scores, 0, found.labels))

    def _scene(self, layers: Layers, labels: EncodedLabels, photo: Image.Image) -> Scene:
        """What a refinement may look at."""
        canvas = layers[0][1].canvas
        scale = min(1.0, REFINE_SHORT_SIDE / min(canvas))
        return Scene(
            size=layers[0][1].size,
            work_size=(max(1, round(canvas[0] * scale)), max(1, round(canvas[1] * scale))),
            maps=lambda size: probability_maps(layers, labels, self.rule, size),
            photo=lambda size: resize(photo, size),
            names=Names(
                cosines=lambda size: name_cosines(layers, labels, size),
                text=labels.embeds,
                picture=lambda size: to_tensor(resize(photo, size), self.preprocessing),
                label_maps=lambda cosines: self.rule.probability(best_names(cosines, labels)),
            ),
        )

    def with_background(self, scores: Tensor, ids: Tensor, names: tuple[str, ...]) -> Segmentation:
        """Apply the background rule, if it is on; a tie with the threshold is background."""
        if self.options.background_threshold is None:
            return Segmentation(labels=ids, names=names, scores=scores)
        labels = torch.where(scores > self.options.background_threshold, ids + 1, 0)
        return Segmentation(labels=labels, names=("background", *names), scores=scores)

    @torch.inference_mode()
    def heat_maps(
        self, image: EncodedImage | BlendedImage, labels: EncodedLabels, *, size: Size | None = None
    ) -> Float[Tensor, "labels height width"]:
        """Probability of each label at each pixel of the original image (paper Fig. 7); all labels at once.

        Args:
            image: what ``encode_images`` returned.
            labels: what ``encode_labels`` returned.
            size: of the maps instead: twenty of a photo of 24 megapixels take two gigabytes.
        """
        layers = self._layers(image, labels)
        return probability_maps(layers, labels, self.rule, size or layers[0][1].size)

    @torch.inference_mode()
    def tag(self, image: EncodedImage | BlendedImage, labels: EncodedLabels) -> Tagging:
        """``max_patches softmax_labels(logit_scale * cosine)``, background words competing.

        Chosen: what ``options.threshold`` says; a relative one always chooses the best label of a group.

        Reference:
            Lin et al., TagCLIP (local to global), Eq. 5, without its refinements.
        """
        layers = self._layers(image, labels)
        best = torch.stack([self._tag_view(view, labels) for view in layers[0][1].views]).amax(dim=0)
        return finish_tagging(best.tolist(), labels.label_set, self.options.threshold, self.step)

    def _tag_view(self, view: View, labels: EncodedLabels) -> Tensor:
        cosine = cosine_maps(view, labels).flatten(1)
        if len(labels.background):
            patches = F.normalize(view.embeds.float(), dim=-1)
            cosine = torch.cat([cosine, labels.background @ patches.T])
        return (self.logit_scale * cosine).softmax(dim=0)[: len(labels.names)].amax(dim=1)

    def encode_phrase(self, phrase: str) -> EncodedLabels:
        """One phrase as a label set of its own; the neutral name stands as its background."""
        label_set = phrase_set(phrase, self.options.phrase_templates)
        names = [phrase, self.options.neutral]
        embeds = embed_names(self.backbone, names, label_set.templates, mean=self.profile.template_mean)
        owners = torch.zeros(1, dtype=torch.long, device=embeds.device)
        return EncodedLabels(
            method=self.method, label_set=label_set, embeds=embeds[:1], owners=owners, background=embeds[1:]
        )

    @torch.inference_mode()
    def refer(self, image: EncodedImage | BlendedImage, phrase: str) -> Referring:
        """The region of a phrase: where it fits better than "a thing" does.

        ``heat = minmax(cos(patch, phrase) - cos(patch, neutral))``, upsampled; the mask is where ``heat`` is above
        ``options.phrase_threshold``. Without the neutral prompt a trained projector puts the background first for every
        phrase: its cosines share a common part. A constant map gives an empty mask. The score is the best probability of
        the phrase itself.
        """
        layers = self._layers(image)
        labels = self.encode_phrase(phrase)
        contrast = contrast_map(layers, labels, layers[0][1].size)
        low, high = contrast.min(), contrast.max()
        is_flat = float(high - low) < FLAT
        heat = torch.zeros_like(contrast) if is_flat else (contrast - low) / (high - low)
        mask = heat > self.options.phrase_threshold
        best = max(float(cosine_maps(view, labels).max()) for view in layers[0][1].views)
        score = float(self.rule.probability(torch.tensor(best)))
        return Referring(phrase=phrase, mask=mask, box=_box(mask), score=score, heat=heat)


def phrase_set(phrase: str, templates: tuple[str, ...]) -> LabelSet:
    """A label set of one phrase."""
    return LabelSet(name="phrase", labels=(Label(name=phrase),), templates=templates)


def background_as_labels(labels: EncodedLabels) -> EncodedLabels:
    """The background words of a label set as labels of their own, to be scored like them."""
    words = labels.label_set.background
    label_set = replace(labels.label_set, labels=tuple(Label(name=word) for word in words), background=())
    owners = torch.arange(len(words), device=labels.background.device)
    return EncodedLabels(
        method=labels.method,
        label_set=label_set,
        embeds=labels.background,
        owners=owners,
        background=labels.background[:0],
    )


def canvas_rule(options: DenseOptions, profile: DenseProfile, backbone: Backbone) -> CanvasRule:
    """How images are cut.

    Raises:
        InputError: for a stride without windows.
    """
    native = backbone.preprocessing.image_size
    side = options.short_side or (native * 3 // 2 if profile.native_windows else default_short_side(native))
    window = options.window or (side if profile.windows else native if profile.native_windows else None)
    if options.stride is not None and window is None:
        raise InputError(f"stride {options.stride} belongs to windows; give window too, or profile fixed")
    stride = options.stride or (window // 2 if window else None)
    stitch = isinstance(options, ModeOptions) and options.stitch
    if stitch:
        check_stitching(window, stride, backbone)
    return CanvasRule(
        short_side=side, window=window, stride=stride, patch_size=backbone.patch_size, on_patches=stitch
    )


def settle(options: DenseOptions, profile: DenseProfile, rule: CanvasRule, mode: str | Mode) -> DenseOptions:
    """The options with every value that acts, and None for those that do not."""
    threshold = options.background_threshold
    if options.background_rule and threshold is None:
        threshold = profile.threshold
    own: dict[str, Any] = {
        "profile": profile.name,
        "short_side": rule.short_side,
        "window": rule.window,
        "stride": rule.stride,
        "background_threshold": threshold,
        **settled_by(mode, options),
    }
    if isinstance(options, ModeOptions):
        own["positions"] = options.positions or profile.positions or "own"
    if isinstance(options, TagAlignOptions):
        own["clip_weight"] = profile.clip_weight if options.clip_weight is None else options.clip_weight
    return replace(options, **own)


def _preprocessing(own: Preprocessing, profile: DenseProfile) -> Preprocessing:
    if profile.pixel_mean is None or profile.pixel_std is None:
        return own
    return replace(own, mean=profile.pixel_mean, std=profile.pixel_std)


def _box(mask: Tensor) -> tuple[int, int, int, int] | None:
    """XYXY around the True pixels, ends exclusive."""
    rows, cols = mask.any(dim=1).nonzero(), mask.any(dim=0).nonzero()
    if not len(rows):
        return None
    return int(cols[0]), int(rows[0]), int(cols[-1]) + 1, int(rows[-1]) + 1
