"""A golden case of TagCLIP and CLIP-ES: its weights in a backbone, its settings, and the stages that tensors are made in."""

import json
import re
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from tagalign.backbones.families import FAMILIES
from tagalign.labels import Label, LabelSet
from tagalign.layer_range import LayerRange
from tagalign.methods.cls_seg.method import CamSteps, ClsSeg, ClsSegLabels
from tagalign.methods.cls_seg.options import ClsSegOptions
from tagalign.methods.groups import split_groups
from tagalign.methods.tagclip.crops import CropRegions, masked_class_tokens
from tagalign.methods.tagclip.encoder_pass import tagclip_pass
from tagalign.methods.tagclip.image import TagClipImage
from tagalign.methods.tagclip.method import TagClip
from tagalign.methods.tagclip.profiles import PROFILES
from tagalign.methods.tagclip.steps import choose_candidates, fuse, keep_until_empty, own_scores
from tagalign.methods.thresholds import Threshold
from tagalign.ops.affinity import (
    scale_up,
    sinkhorn_affinity,
    spread,
)
from tagalign.ops.windows import upsample

Tensors = dict[str, Tensor]


class Case:
    """A case folder: its weights in a backbone, its settings read from its README."""

    def __init__(self, folder: Path, wanted: Tensors) -> None:
        self.inputs = load_file(folder / "inputs.safetensors")
        self.stored = wanted
        self.readme = (
            (folder / "README.md").read_text(encoding="utf-8") if (folder / "README.md").exists() else ""
        )
        config = json.loads((folder / "config.json").read_text())
        # no tokenizer: the case holds ids and class embeddings
        self.backbone = FAMILIES["clip"].build(config, load_file(folder / "weights.safetensors"))
        self.foreground = int(self.inputs["num_foreground"])
        self.image = self.inputs["image"]
        self.grid = self.backbone.grid_of(*self.image.shape[2:])

    def _number(self, pattern: str, default: float | None = None) -> float | None:
        found = re.search(pattern, self.readme)
        return float(found[1]) if found else default

    def _layers(self, pattern: str) -> LayerRange | None:
        found = re.search(pattern, self.readme)
        return LayerRange(f"{found[1]}:{int(found[2]) + 1}") if found else None

    def _affinity_layers(self) -> LayerRange:
        return self._layers(r"cam\.affinity.*?layers (\d+)\.\.(\d+)") or LayerRange("-8:")

    @cached_property
    def tagger(self) -> TagClip:
        return self.make_tagger()

    def make_tagger(self, **switches: bool) -> TagClip:
        votes = self._number(r"vote >= (\d+)")
        share = self._number(r"relative thresholds ([\d.]*\d)", 0.5)
        options = ClsSegOptions(
            min_votes=None if votes is None else int(votes),
            refine_layers=self._layers(r"layers (\d+)\.\.(\d+), relative") or LayerRange("-4:-1"),
            affinity_layers=self._affinity_layers(),
            candidate_share=share,
            threshold=Threshold(kind="relative", value=share),
        )
        profile = replace(PROFILES["released"], **switches)
        return TagClip(
            self.backbone,
            options,
            method="cls-seg",
            profile=profile,
            affinity_layers=options.affinity_layers,
            keep_last_input=True,
        )

    @cached_property
    def cls_seg(self) -> ClsSeg:
        return self.make_cls_seg(self._affinity_layers())

    def make_cls_seg(self, affinity_layers: LayerRange) -> ClsSeg:
        share = self._number(r"CAM box threshold ([\d.]*\d)", 0.4)
        options = ClsSegOptions(profile="released", box_share=share, affinity_layers=affinity_layers)
        return ClsSeg(self.backbone, options)

    @cached_property
    def labels(self) -> ClsSegLabels:
        embeds = self.inputs["class_embeddings"]
        names = tuple(Label(name=f"label {i}") for i in range(self.foreground))
        return ClsSegLabels(
            method="cls-seg",
            label_set=LabelSet(name="golden", labels=names),
            embeds=embeds[: self.foreground],
            owners=torch.arange(self.foreground),
            background=embeds[self.foreground :],
            cam_embeds=embeds[: self.foreground],
            cam_background=embeds[self.foreground :],
        )

    @cached_property
    def attentions(self) -> Tensor:
        """Head-mean attention of all layers, class token included."""
        maps: list[Tensor] = []
        layers = self.tagger.layers
        tagclip_pass(
            self.backbone,
            self.image,
            layers,
            round_positions=True,
            observer=lambda _, m: maps.append(m[0].clone()),
        )
        return torch.stack(maps)

    @cached_property
    def encoded(self) -> TagClipImage:
        return self.tagger.encode_pixels(list(self.image), [self.original_size])[0]

    @cached_property
    def unrounded(self) -> tuple[TagClip, TagClipImage]:
        tagger = self.make_tagger(rounds_positions=False)
        return tagger, tagger.encode_pixels(list(self.image), [self.original_size])[0]

    @property
    def original_size(self) -> tuple[int, int]:
        height, width = self.inputs["original_size"].tolist()
        return height, width

    def maps(self, tokens: Tensor) -> Tensor:
        """Per-patch columns as maps."""
        return tokens.T.unflatten(1, self.grid)

    def tokens(self, *, rounded: bool) -> Tensor:
        return tagclip_pass(self.backbone, self.image, self.tagger.layers, round_positions=rounded).embeds

    def coarse(self, image: TagClipImage) -> Tensor:
        return split_groups(self.labels)[0].probs(image.embeds, self.backbone.logit_scale)

    # --- reidentification -----------------------------------------------------------------------------------------

    def local(self, scores: Tensor) -> Tensor:
        return scores[:, : self.foreground].amax(dim=0)

    def candidates(self, scores: Tensor) -> Tensor:
        return choose_candidates(self.local(scores), scores, share=self.tagger.options.candidate_share)

    def regions(self, scores: Tensor) -> CropRegions:
        return self.make_tagger(stops_at_empty_box=False).find_regions(
            scores, self.grid, self.candidates(scores)
        )

    def global_scores(self, scores: Tensor) -> Tensor:
        """Of all candidates, -1 where the box is empty."""
        regions, candidates = self.regions(scores), self.candidates(scores)
        tokens = masked_class_tokens(self.backbone, [self.image[0]], [regions], batch_size=8)[0]
        probs = split_groups(self.labels)[0].probs(tokens, self.backbone.logit_scale)
        everyone = torch.full((len(candidates),), -1.0)
        everyone[regions.filled()] = own_scores(probs, candidates[regions.filled()])
        return everyone

    def final(self, scores: Tensor, *, stop: bool) -> Tensor:
        regions = self.regions(scores)
        filled = (keep_until_empty(regions) if stop else regions).filled()
        return fuse(
            self.local(scores), self.candidates(scores), filled, self.global_scores(scores)[filled],
            weight=self.tagger.options.local_weight,
        )  # fmt: skip

    # --- class activation maps ------------------------------------------------------------------------------------

    @cached_property
    def cam(self) -> CamSteps:
        return self.cls_seg.steps(self.cam_image(self.cls_seg), self.labels, self.inputs["cam_tags"].tolist())

    def cam_image(self, method: ClsSeg) -> TagClipImage:
        return method.tagger.encode_pixels(list(self.image), [self.original_size])[0]

    def stored_map(self, name: str) -> Tensor:
        """A stored map as columns over patches."""
        return self.stored[name].float().flatten(1).T

    def highres(self) -> Tensor:
        return upsample(self.maps(scale_up(self.stored_map("cam.caa"))), self.original_size)

    def caa(self, affinity_layers: LayerRange | None = None) -> Tensor:
        affinity = self.stored["cam.affinity"]
        if affinity_layers is not None:
            image = self.cam_image(self.make_cls_seg(affinity_layers))
            affinity = sinkhorn_affinity(image.affinity)
        return self.maps(spread(affinity, self.stored_map("cam.minmax"), self.stored_map("cam.box_mask") > 0))

    def label_map(self) -> Tensor:
        image = self.cam_image(self.cls_seg)
        return self.cls_seg.segment_tags(image, self.labels, self.inputs["cam_tags"].tolist()).labels
