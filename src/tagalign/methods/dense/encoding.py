"""The first half of a dense method: images and labels become values that can be kept and compared.

How an image is cut, encoded window by window and headed stands here; what is answered of it stands in ``method.py``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from tagalign.backbones.facts import facts_of
from tagalign.backbones.finite import checked
from tagalign.backbones.protocols import Backbone, DenseFeatures, Resize
from tagalign.brief import Brief
from tagalign.labels import Label, LabelSet, Size
from tagalign.methods.dense.canvas import Canvas, SeesCanvases, batches_of_one_size
from tagalign.methods.dense.experts import look_classifiers
from tagalign.methods.dense.mode_options import has_own_profile, mode_with, options_of_mode
from tagalign.methods.dense.options import DenseOptions, ModeOptions, TagAlignOptions
from tagalign.methods.dense.profiles import dense_profile
from tagalign.methods.dense.projector import Projector
from tagalign.methods.dense.score_maps import ScoreRule
from tagalign.methods.dense.settling import canvas_rule, settle
from tagalign.methods.dense.stitching import stitched
from tagalign.methods.describe import describe_options
from tagalign.methods.labels import embed_names
from tagalign.methods.looks.facts import refuse_other_labels
from tagalign.methods.looks.step import mark_of, open_step
from tagalign.methods.looks.taker import TakesLook
from tagalign.methods.refinements import open_refinement
from tagalign.methods.resources import Resources
from tagalign.methods.text_cache import prompted_labels
from tagalign.ops.grid import map_to_tokens, tokens_to_map
from tagalign.ops.precision import autocast
from tagalign.types import EncodedImage, EncodedLabels, View

Embedded = tuple[
    list[tuple[int, int]],
    list[tuple[int, int, int, int]],
    tuple[int, int],
    list[Float[Tensor, "batch patches dim"]],
]
"""Canvas and view of each row, its box, the grid, and the embeddings by head."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class BlendedImage(Brief):
    """An image encoded by the trained and by the frozen head, for profiles that mix both maps (``clip_weight``)."""

    aligned: EncodedImage
    frozen: EncodedImage

    @property
    def embed(self) -> Tensor:
        """Of the whole image, by the trained head."""
        return self.aligned.embed


class DenseEncoder(TakesLook, SeesCanvases[EncodedImage | BlendedImage]):
    """A dense CLIP that encodes images, labels and phrases.

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
        self.preprocessing = backbone.preprocessing.with_statistics(
            self.profile.pixel_mean, self.profile.pixel_std
        )
        self.rule = ScoreRule(
            scale=self.options.sigmoid_scale,
            bias=self.options.sigmoid_bias,
            sigmoid_first=self.profile.sigmoid_first,
        )
        self.step = None  # what is described below is without it
        if self.options.look is not None:  # a class above describes more, and settles it later
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

    @property
    def clip_weight(self) -> float:
        """Weight of the frozen head's map beside the trained one; 0 for baselines."""
        return self.options.clip_weight or 0.0 if isinstance(self.options, TagAlignOptions) else 0.0

    def seen_size(self, size: Size) -> Size:
        """See ``SaysSeenSize``."""
        return self.canvas_rule.canvas_size(size)

    def lay(self, image: Image.Image) -> Canvas:
        """Resize, normalise and list the views: what a loading thread can do ahead."""
        return self.canvas_rule.lay(image, self.preprocessing)

    def pass_shape(self, size: Size) -> tuple[int, ...]:
        """Views of one size share a pass; of stitched ones those that are stitched alike, though each has its own."""
        return self.canvas_rule.canvas_size(size) if self._stitch else self.canvas_rule.view_size(size)

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
                self.backbone, canvas, self.dense_mode, self.positions, self.resources.batch_size
            )
            grid, embeds = self._headed(features)
            height, width = canvas.pixels.shape[1:]
            yield [(i, 0)], [(0, 0, width, height)], grid, embeds

    def _embed(self, pixels: Tensor) -> tuple[tuple[int, int], list[Tensor]]:
        """Patch embeddings of a batch by the trained head, and by CLIP's own where it is mixed in or the only one."""
        return self._headed(
            self.backbone.encode_dense(pixels, mode=self.dense_mode, positions=self.positions)
        )

    @property
    def positions(self) -> Resize | None:
        """How position embeddings are resized, where it is not the encoder's own way."""
        is_offset = isinstance(self.options, ModeOptions) and self.options.positions == "offset"
        return "offset" if is_offset else None

    @property
    def _stitch(self) -> bool:
        return isinstance(self.options, ModeOptions) and self.options.stitch

    def _headed(self, features: DenseFeatures) -> tuple[tuple[int, int], list[Tensor]]:
        """What the heads make of dense features."""
        if self.projector is None:
            return features.grid, [self.backbone.project(features.patches)]
        # before the last layer norm: the trained head has copies of its own of that norm and of the projection, as released
        maps = tokens_to_map(features.patches, features.grid)
        # its convolutions are a fifth of the products at 448 pixels, so they follow the encoder's precision
        with autocast(self.backbone.precision, maps.device):
            projected = map_to_tokens(self.projector(maps.to(self.projector.proj.dtype)))
        projected = projected.to(self.projector.proj.dtype)
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
        encoded = prompted_labels(
            self.backbone,
            labels,
            method=self.method,
            templates=(self.profile.template,),
            mean=self.profile.template_mean,
            use_aliases=self.options.use_aliases,
            folder=self.resources.text_cache,
        )
        if self.step is None:
            return encoded
        if self.step.look.experts is not None:
            refuse_other_labels(self.step.look, labels, self.step.where)
            experts = look_classifiers(self.backbone, labels, self.step.look.experts)
            encoded = replace(encoded, experts=experts)
        return self.with_compounds(encoded, self.step.prompts) if self.step.prompts else encoded

    def with_compounds(self, labels: EncodedLabels, prompts: Sequence[str]) -> EncodedLabels:
        """The same labels with compound prompts beside them; a prompt is a sentence and is put into no template."""
        return replace(labels, compounds=embed_names(self.backbone, prompts, ("{}",)))

    def encode_phrase(self, phrase: str) -> EncodedLabels:
        """One phrase as a label set of its own; the neutral name stands as its background."""
        label_set = phrase_set(phrase, self.options.phrase_templates)
        names = [phrase, self.options.neutral]
        embeds = embed_names(self.backbone, names, label_set.templates, mean=self.profile.template_mean)
        owners = torch.zeros(1, dtype=torch.long, device=embeds.device)
        return EncodedLabels(
            method=self.method, label_set=label_set, embeds=embeds[:1], owners=owners, background=embeds[1:]
        )


def phrase_set(phrase: str, templates: tuple[str, ...]) -> LabelSet:
    """A label set of one phrase."""
    return LabelSet(name="phrase", labels=(Label(name=phrase),), templates=templates)
