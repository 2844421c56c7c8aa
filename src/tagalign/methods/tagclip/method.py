"""TagCLIP: tags from local patches, looked at again as a whole. No training; one pass of the encoder and a few crops.

Reference: Lin et al., TagCLIP: A Local-to-Global Framework, arXiv:2312.12828.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from tagalign.backbones.preprocess import resize, to_tensor
from tagalign.backbones.protocols import BlockBackbone
from tagalign.errors import InputError
from tagalign.methods.groups import Group, split_groups
from tagalign.methods.labels import encode_label_set
from tagalign.methods.protocols import refuse_foreign
from tagalign.methods.tagclip.crops import Regions, find_regions, masked_class_tokens
from tagalign.methods.tagclip.encoder_pass import TagClipPass, tagclip_pass
from tagalign.methods.tagclip.image import TagClipImage, buckets, canvas_size, pass_limit
from tagalign.methods.tagclip.profiles import TagClipProfile, layer_choice, tagclip_profile
from tagalign.methods.tagclip.steps import LocalScores, fuse, keep_until_empty, local_scores, own_scores
from tagalign.methods.text_cache import cached_labels
from tagalign.methods.thresholds import Threshold, parse_threshold
from tagalign.tags.label_sets import template_set
from tagalign.types import EncodedLabels, LabelSet, Tagging

MAX_PATCHES = 4096
"""1024 x 1024 pixels at patch 16: one attention map of 67 MB. Larger images are shrunk."""

MAX_CELLS = 2**26
"""Cells of one layer's maps over a batch: 256 MB in float32."""


@dataclass(frozen=True, kw_only=True, eq=False)
class GroupSteps:
    """What TagCLIP did for the labels of one group of one image, step by step (the paper's Fig. 5).

    Attributes:
        ids: of the labels in their set.
        scores: after the patches have spoken; ``local``, and the candidates by position in ``ids``.
        regions: boxes and masks of the candidates.
        global_scores: of the candidates with a filled box.
        final: fused scores of all labels of the group.
    """

    ids: tuple[int, ...]
    scores: LocalScores
    regions: Regions
    global_scores: Float[Tensor, " filled"]
    final: Float[Tensor, " labels"]


class TagClip:
    """Training-free tagger on any CLIP vision transformer.

    Attributes:
        method: ``tagclip``, or the method it works for.
        backbone: the frozen encoder.
    """

    def __init__(
        self,
        backbone: BlockBackbone,
        *,
        method: str = "tagclip",
        profile: str | TagClipProfile = "fixed",
        short_side: int | None = None,
        max_patches: int = MAX_PATCHES,
        refine_layers: Sequence[int] | None = None,
        affinity_layers: Sequence[int] | None = None,
        min_votes: int | None = None,
        candidate_share: float = 0.5,
        region_share: float = 0.5,
        local_weight: float = 0.5,
        threshold: Threshold | str = "relative:0.5",
        dual_masking: bool = True,
        reidentify: bool = True,
        last_attention: bool = False,
        max_candidates: int | None = None,
        use_aliases: bool = False,
        batch_size: int = 8,
        crop_batch: int = 32,
        keep_last_input: bool = False,
        text_cache: Path | None = None,
    ) -> None:
        """Settings with the paper's values.

        Args:
            backbone: any CLIP.
            method: name that encoded images carry.
            profile: ``fixed``, ``released`` or ``paper``, or switches of your own.
            short_side: images are resized to; None keeps their resolution (rounded up to whole patches).
            max_patches: larger images are shrunk to so many patches.
            refine_layers: whose attention refines the scores, from 0; None: the last four but the last.
            affinity_layers: for class activation maps; None: the last eight.
            min_votes: layers in which a pair must lie above the mean; None: a third of them (4 of 12).
            candidate_share: mu1, labels looked at again, in [0, 1].
            region_share: mu2, patches of a label's region, in [0, 1].
            local_weight: lambda, in [0, 1].
            threshold: which labels are chosen; see ``Threshold``.
            dual_masking: refine scores by trusted attention (DMAR).
            reidentify: class-wise reidentification (CWR).
            last_attention: keep the last self-attention (Table 1).
            max_candidates: limit of the labels looked at again per image and group; None for no limit.
            use_aliases: a label scores as its best alias.
            batch_size: images in one pass.
            crop_batch: crops in one pass.
            keep_last_input: keep what class activation maps need.
            text_cache: folder of label embeddings; None switches it off.
        """
        for name, share in (
            ("candidate_share", candidate_share), ("region_share", region_share), ("local_weight", local_weight)
        ):  # fmt: skip
            if not 0 <= share <= 1:
                raise InputError(f"{name}: expected a number from 0 to 1, got {share:g}")
        self.method = method
        self.backbone = backbone
        self.profile = tagclip_profile(profile)
        self.short_side = short_side
        self.max_patches = max_patches
        self.layers = layer_choice(
            backbone.num_layers,
            refine=None if refine_layers is None else tuple(refine_layers),
            affinity=None if affinity_layers is None else tuple(affinity_layers),
            min_votes=min_votes,
        )
        self.candidate_share = candidate_share
        self.region_share = region_share
        self.local_weight = local_weight
        self.threshold = parse_threshold(threshold) if isinstance(threshold, str) else threshold
        self.dual_masking = dual_masking
        self.reidentify = reidentify
        self.last_attention = last_attention
        self.max_candidates = max_candidates
        self.use_aliases = use_aliases
        self.batch_size = batch_size
        self.crop_batch = crop_batch
        self.keep_last_input = keep_last_input
        self.text_cache = text_cache

    def describe(self) -> dict[str, object]:
        """Everything a printed number must name."""
        return {
            "method": self.method,
            "model": self.backbone.name,
            "weight_hash": self.backbone.weight_hash,
            "profile": self.profile.name,
            "short_side": self.short_side,
            "max_patches": self.max_patches,
            "refine_layers": list(self.layers.refine),
            "min_votes": self.layers.min_votes,
            "candidate_share": self.candidate_share,
            "region_share": self.region_share,
            "local_weight": self.local_weight,
            "threshold": str(self.threshold),
            "dual_masking": self.dual_masking,
            "reidentify": self.reidentify,
            "last_attention": self.last_attention,
            "max_candidates": self.max_candidates,
            "use_aliases": self.use_aliases,
            "default_templates": self.profile.templates,
        }

    # --- encoding -------------------------------------------------------------------------------------------------

    def encode_images(self, images: Sequence[Image.Image]) -> list[TagClipImage]:
        """Encode upright RGB images of any sizes; equal to encoding them one by one."""
        pixels = [self.lay(image) for image in images]
        return self.encode_pixels(pixels, [(image.height, image.width) for image in images])

    def lay(self, image: Image.Image) -> Float[Tensor, "3 height width"]:
        """Resize to whole patches and normalise: what a loading thread can do ahead."""
        size = canvas_size(
            (image.height, image.width),
            patch_size=self.backbone.patch_size,
            short_side=self.short_side,
            max_patches=self.max_patches,
        )
        return to_tensor(resize(image, size), self.backbone.preprocessing)

    def encode_pixels(
        self, pixels: Sequence[Float[Tensor, "3 _ _"]], sizes: Sequence[tuple[int, int]]
    ) -> list[TagClipImage]:
        """Encode images that are already resized and normalised.

        Args:
            pixels: from ``lay``, or anything normalised whose sides are whole patches.
            sizes: of the original images.
        """
        encoded: dict[int, TagClipImage] = {}
        patch = self.backbone.patch_size
        canvases = [(p.shape[1], p.shape[2]) for p in pixels]
        for ids in buckets(
            canvases,
            batch_size=self.batch_size,
            max_cells=MAX_CELLS,
            patch_size=patch,
            limit=lambda patches: pass_limit(self.backbone, patches),
        ):
            batch = torch.stack([pixels[i] for i in ids]).to(self.backbone.device)
            result = self._pass(batch)
            for row, i in enumerate(ids):
                encoded[i] = self._image(result, batch, row, sizes[i])
        return [encoded[i] for i in range(len(pixels))]

    def _pass(self, batch: Tensor) -> TagClipPass:
        return tagclip_pass(
            self.backbone,
            batch,
            self.layers,
            round_positions=self.profile.rounds_positions,
            keep_last_attention=self.last_attention,
            keep_last_input=self.keep_last_input,
        )

    def _image(self, result: TagClipPass, batch: Tensor, row: int, size: tuple[int, int]) -> TagClipImage:
        return TagClipImage(
            method=self.method,
            size=size,
            pixels=batch[row],
            grid=result.grid,
            embeds=result.embeds[row, self.backbone.num_prefix :],
            attention=result.attention[row],
            affinity=None if result.affinity is None else result.affinity[row],
            last_input=None if result.last_input is None else result.last_input[row],
        )

    def encode_labels(self, labels: LabelSet) -> EncodedLabels:
        """Labels and background words, with the templates of their set or the profile's own."""
        templates = template_set(self.profile.templates)
        return cached_labels(
            lambda wanted: encode_label_set(
                self.backbone, wanted, templates=templates, use_aliases=self.use_aliases
            ),
            labels,
            backbone=self.backbone,
            templates=templates,
            variant=f"unit mean, aliases {self.use_aliases}",
            folder=self.text_cache,
        )

    # --- answers --------------------------------------------------------------------------------------------------

    def tag(self, image: TagClipImage, labels: EncodedLabels) -> Tagging:
        """Scores of all labels, and the chosen ones."""
        return self.tag_batch([image], labels)[0]

    def tag_batch(self, images: Sequence[TagClipImage], labels: EncodedLabels) -> list[Tagging]:
        """As ``tag`` for each image; the crops of all images share their passes."""
        return [self._tagging(steps, labels) for steps in self.steps(images, labels)]

    def _tagging(self, steps: Sequence[GroupSteps], labels: EncodedLabels) -> Tagging:
        scores = [0.0] * len(labels.names)
        for step in steps:
            for i, score in zip(step.ids, step.final.clamp(0, 1).tolist(), strict=True):
                scores[i] = score
        chosen = self.threshold.choose(scores, labels.names, [step.ids for step in steps])
        return Tagging(names=labels.names, scores=tuple(scores), chosen=chosen)

    @torch.inference_mode()
    def steps(self, images: Sequence[TagClipImage], labels: EncodedLabels) -> list[list[GroupSteps]]:
        """Every step of the tagging of each image, one entry per group of labels.

        Raises:
            InputError: if an image was encoded by another method.
        """
        for image in images:
            refuse_foreign(image.method, self.method)
        groups = split_groups(labels)
        found = [[self._look(image, group) for group in groups] for image in images]
        flat = [regions for per_image in found for _, regions in per_image]
        pixels = [image.pixels for image in images for _ in groups]
        tokens = iter(masked_class_tokens(self.backbone, pixels, flat, batch_size=self.crop_batch))
        return [
            [self._finish(group, *look, next(tokens)) for group, look in zip(groups, per_image, strict=True)]
            for per_image in found
        ]

    def _look(self, image: TagClipImage, group: Group) -> tuple[LocalScores, Regions]:
        """Local scores of one group, and where its candidates are."""
        scores = local_scores(
            image.embeds,
            image.attention if self.dual_masking else None,
            image.grid,
            group,
            logit_scale=self.backbone.logit_scale,
            boxes=self.profile.boxes,
            lose_last=self.profile.loses_last,
            rank_background=self.profile.ranks_background,
            candidate_share=self.candidate_share,
            max_candidates=self.max_candidates,
        )
        return scores, self.find_regions(scores.refined, image.grid, scores.candidates)

    def find_regions(self, refined: Tensor, grid: tuple[int, int], candidates: Tensor) -> Regions:
        """Boxes and masks of the candidates that are looked at again."""
        side = self.backbone.preprocessing.image_size // self.backbone.patch_size
        regions = find_regions(
            refined[:, candidates if self.reidentify else candidates[:0]],
            grid,
            share=self.region_share,
            native_grid=(side, side),
            lose_last=self.profile.loses_last,
        )
        return keep_until_empty(regions) if self.profile.stops_at_empty_box else regions

    def _finish(
        self, group: Group, scores: LocalScores, regions: Regions, tokens: Float[Tensor, "filled dim"]
    ) -> GroupSteps:
        filled = regions.filled()
        candidates = scores.candidates[: len(filled)]
        global_scores = own_scores(group.probs(tokens, self.backbone.logit_scale), candidates[filled])
        final = fuse(scores.local, candidates, filled, global_scores, weight=self.local_weight)
        return GroupSteps(
            ids=group.ids, scores=scores, regions=regions, global_scores=global_scores, final=final
        )
