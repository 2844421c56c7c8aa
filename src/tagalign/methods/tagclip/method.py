"""TagCLIP: tags from local patches, looked at again as a whole. No training; one pass of the encoder and a few crops.

Reference: Lin et al., TagCLIP: A Local-to-Global Framework, arXiv:2312.12828.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from tagalign.backbones.facts import facts_of
from tagalign.backbones.protocols import BlockBackbone
from tagalign.layer_range import LayerRange
from tagalign.methods.describe import describe_options
from tagalign.methods.groups import Group, split_groups
from tagalign.methods.label_rows import lost_labels
from tagalign.methods.looks.step import finish_tagging, mark_of, open_step
from tagalign.methods.looks.taker import TakesLook
from tagalign.methods.protocols import refuse_foreign, refuse_foreign_labels
from tagalign.methods.resources import Resources
from tagalign.methods.tagclip.crops import CropRegions, find_regions, masked_class_tokens
from tagalign.methods.tagclip.encoder_pass import TagClipPass, tagclip_pass
from tagalign.methods.tagclip.image import TagClipImage, whole_batches
from tagalign.methods.tagclip.options import TagClipOptions
from tagalign.methods.tagclip.presets import STANDARD, filled, find_preset
from tagalign.methods.tagclip.profiles import TagClipProfile, layer_choice, tagclip_profile
from tagalign.methods.tagclip.steps import LocalScores, fuse, keep_until_empty, local_scores, own_scores
from tagalign.methods.tagclip.whole import SeesWhole
from tagalign.types import EncodedLabels, Tagging


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
    regions: CropRegions
    global_scores: Float[Tensor, " filled"]
    final: Float[Tensor, " labels"]


class TagClip(TakesLook, SeesWhole[TagClipImage]):
    """Training-free tagger on any CLIP vision transformer.

    Attributes:
        method: ``tagclip``, or the method it works for.
        backbone: the frozen encoder.
    """

    def __init__(
        self,
        backbone: BlockBackbone,
        options: TagClipOptions | None = None,
        *,
        method: str = "tagclip",
        profile: TagClipProfile | None = None,
        affinity_layers: LayerRange | None = None,
        keep_last_input: bool = False,
        resources: Resources | None = None,
    ) -> None:
        """Settle what the options leave to the encoder.

        Args:
            backbone: any CLIP vision transformer.
            options: see ``TagClipOptions``.
            method: name that encoded values carry.
            profile: switches of your own instead of those that the options name.
            affinity_layers: for class activation maps; None: the preset's.
            keep_last_input: keep what class activation maps need.
            resources: batch sizes, folder of label embeddings.

        Raises:
            InputError: for layers that the encoder does not have.
        """
        given = options or TagClipOptions()
        self.given = given
        self.method = method
        self.backbone = backbone
        self.profile = profile or tagclip_profile(given.profile)
        settled = filled(given)
        self.layers = layer_choice(
            backbone.num_layers,
            refine=settled.refine_layers or STANDARD.refine_layers,
            affinity=affinity_layers or find_preset(given.preset).affinity_layers,
            min_votes=given.min_votes,
        )
        self.options = replace(settled, min_votes=self.layers.min_votes)
        self.keep_last_input = keep_last_input
        self.resources = resources or Resources()
        self.step = None  # what is described below is without it
        self.step = open_step(self.options.look, self.look_facts())

    def describe(self) -> dict[str, object]:
        """Everything a printed number must name."""
        return {
            "method": self.method,
            **facts_of(self.backbone),
            "default_templates": self.profile.templates,
            **describe_options(self.options),
            "refine_layers": list(self.layers.refine),  # a range names others in a deeper encoder
            "profile": self.profile.name,
            "look": mark_of(self.step),
        }

    def with_options(self, options: Any) -> "TagClip":
        """The same tagger under other options; the encoder is shared."""
        return TagClip(self.backbone, options, method=self.method, resources=self.resources)

    # --- encoding -------------------------------------------------------------------------------------------------

    def encode_pixels(
        self, pixels: Sequence[Float[Tensor, "3 _ _"]], sizes: Sequence[tuple[int, int]]
    ) -> list[TagClipImage]:
        """See ``SeesWhole``."""
        encoded: dict[int, TagClipImage] = {}
        for ids, batch in whole_batches(pixels, self.backbone, batch_size=self.resources.batch_size):
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
            keep_last_attention=self.options.last_attention,
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

    # --- answers --------------------------------------------------------------------------------------------------

    def tag(self, image: TagClipImage, labels: EncodedLabels) -> Tagging:
        """Scores of all labels, and the chosen ones."""
        return self.tag_batch([image], labels)[0]

    def tag_batch(self, images: Sequence[TagClipImage], labels: EncodedLabels) -> list[Tagging]:
        """As ``tag`` for each image; the crops of all images share their passes."""
        found = zip(images, self.steps(images, labels), strict=True)
        return [self._tagging(image, steps, labels) for image, steps in found]

    def _tagging(self, image: TagClipImage, steps: Sequence[GroupSteps], labels: EncodedLabels) -> Tagging:
        scores = [0.0] * len(labels.names)
        for step in steps:
            for i, score in zip(step.ids, step.final.clamp(0, 1).tolist(), strict=True):
                scores[i] = score
        for i in lost_labels([image.embeds], labels).nonzero()[:, 0].tolist():
            scores[i] = 0.0
        return finish_tagging(scores, labels.label_set, self.options.threshold, self.step)

    @torch.inference_mode()
    def steps(self, images: Sequence[TagClipImage], labels: EncodedLabels) -> list[list[GroupSteps]]:
        """Every step of the tagging of each image, one entry per group of labels.

        Raises:
            InputError: if an image was encoded by another method.
        """
        for image in images:
            refuse_foreign(image.method, self.method)
        refuse_foreign_labels(labels, self.method)
        groups = split_groups(labels)
        found = [[self._look(image, group) for group in groups] for image in images]
        flat = [regions for per_image in found for _, regions in per_image]
        pixels = [image.pixels for image in images for _ in groups]
        tokens = iter(masked_class_tokens(self.backbone, pixels, flat, batch_size=self.resources.crop_batch))
        return [
            [self._finish(group, *look, next(tokens)) for group, look in zip(groups, per_image, strict=True)]
            for per_image in found
        ]

    def _look(self, image: TagClipImage, group: Group) -> tuple[LocalScores, CropRegions]:
        """Local scores of one group, and where its candidates are."""
        scores = local_scores(
            image.embeds,
            image.attention if self.options.dual_masking else None,
            image.grid,
            group,
            logit_scale=self.backbone.logit_scale,
            profile=self.profile,
            candidate_share=self.options.candidate_share,
            max_candidates=self.options.max_candidates,
        )
        return scores, self.find_regions(scores.refined, image.grid, scores.candidates)

    def find_regions(self, refined: Tensor, grid: tuple[int, int], candidates: Tensor) -> CropRegions:
        """Boxes and masks of the candidates that are looked at again."""
        side = self.backbone.preprocessing.image_size // self.backbone.patch_size
        regions = find_regions(
            refined[:, candidates if self.options.reidentify else candidates[:0]],
            grid,
            share=self.options.region_share,
            native_grid=(side, side),
            lose_last=self.profile.loses_last,
            enlarge=self.options.enlarge_crops,
        )
        return keep_until_empty(regions) if self.profile.stops_at_empty_box else regions

    def _finish(
        self, group: Group, scores: LocalScores, regions: CropRegions, tokens: Float[Tensor, "filled dim"]
    ) -> GroupSteps:
        filled = regions.filled()
        candidates = scores.candidates[: len(filled)]
        global_scores = own_scores(group.probs(tokens, self.backbone.logit_scale), candidates[filled])
        final = fuse(scores.local, candidates, filled, global_scores, weight=self.options.local_weight)
        return GroupSteps(
            ids=group.ids, scores=scores, regions=regions, global_scores=global_scores, final=final
        )
