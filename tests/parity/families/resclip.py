"""ResCLIP's golden numbers: residual attention with and without feedback, as users call them and step by step."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from families import dense_case as common
from torch import Tensor

from tagalign.backbones.modes.rcs import Rcs, residual_blocks
from tagalign.backbones.modes.rcs.steps import SIGMA, finish, start
from tagalign.backbones.stream import Stream
from tagalign.methods.dense.feedback import FirstLook, first_look, second_pass
from tagalign.ops.attention import attention_probs
from tagalign.ops.feedback import component_pairs, feedback_map, first_map, line_pairs
from tagalign.ops.grid import gaussian_neighbourhood
from tagalign.ops.refine.pamr import pamr

Named = Iterator[tuple[str, Tensor]]
STAGES = {
    "hidden_10",
    "attn_rcs",
    "rcs_mean",
    "omega",
    "first_pamr_sample",
    "first_probs_sample",
    "sfr",
    "sfr_sample",
}
TOLERANCES = {
    "hidden_10": 2e-5, "omega": 1e-6, "first_dense": 1e-4, "first_logits": 1e-4, "first_pamr_sample": 1e-4,
    "first_probs_sample": 2e-3, "sfr": 1e-6, "sfr_sample": 1e-6, "sfr_component": 1e-6, "dense": 5e-4, "embeds": 5e-4,
    "logits": 5e-4,
}  # fmt: skip
WITHOUT_ROUNDING = ("unrounded.", "rcs_only.", "paper_weights.", "paper.", "sized.")
INTEGERS = {"patch_labels", "valid", "component"}
SEGMENT = {"logits": 5e-4, "probs": 1e-2}
LABEL_SHARE = 0.005


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One row of the golden table: options of the mode, whether its feedback is rounded, and how positions are resized."""

    options: dict[str, Any] = field(default_factory=dict)
    halves: bool = False
    positions: str | None = common.RELEASED
    shows: tuple[str, ...] = ("dense",)


def variants(case: common.Case) -> dict[str, Variant]:
    """By prefix of the tensor names."""
    paper = {"gain": 1.0, "residual_weight": 0.5, "feedback_gain": 1.0}
    return {
        "": Variant(halves=True),
        "unrounded.": Variant(),
        "rcs_only.": Variant(options={"feedback": False}),
        "sfr_only.": Variant(
            options={"residual_weight": 0.0, "gain": 1.0}, halves=True, shows=("dense", "patch_labels")
        ),
        "paper_weights.": Variant(options=paper),
        "paper.": Variant(options=paper | {"feedback_path": "component"}),
        "clearclip.": Variant(options={"base": "clearclip"}, halves=True, shows=("dense", "patch_labels")),
        "sclip.": Variant(options={"base": "sclip"}, halves=True, shows=("dense", "patch_labels")),
        "no_decay.": Variant(options={"feedback_path": "none"}, halves=True),
        "sized.": Variant(positions=None, shows=("dense", "embeds", "patch_labels")),
    }


def settings(case: common.Case) -> dict[str, Any]:
    """Options that the folder states."""
    gain, share = case.inputs["rcs_weights"].tolist()
    feedback_gain, weight = case.inputs["sfr_weights"].tolist()
    return {
        "gain": gain,
        "residual_weight": share,
        "feedback": True,
        "feedback_gain": feedback_gain,
        "feedback_weight": weight,
        "feedback_threshold": float(case.inputs["threshold"]),
    }


def mode_of(case: common.Case, options: dict[str, Any]) -> Rcs:
    """The released mode with the settings of the folder and what a variant changes."""
    chosen = settings(case) | options
    if not chosen["feedback"]:
        chosen = {k: v for k, v in chosen.items() if not k.startswith("feedback")}
    return Rcs(**{"profile": "released"} | chosen)


def compute(folder: Path) -> common.Tensors:
    """Every tensor of the case, from its inputs and weights."""
    return common.compute(
        folder, of_pictures=(modes, stages), alone=feedback, segmentation=segmentation, optional=STAGES
    )


def looked(
    case: common.Case, image: Tensor, variant: Variant
) -> tuple[Tensor, FirstLook | None, tuple[int, int]]:
    """Dense rows of a variant, and what its first look saw."""
    clip, mode = case.backbone, mode_of(case, variant.options)
    x, grid = clip.embed_patches(image, positions=variant.positions)
    begun, _ = start(Stream(clip.blocks, x))
    if not mode.feedback:
        return finish(mode, clip, begun, grid), None, grid
    look = first_look(clip, mode, begun, grid, image[0], case.inputs["queries"])
    return second_pass(clip, mode, begun, grid, look, halves=variant.halves), look, grid


def modes(case: common.Case, image: Tensor) -> Named:
    """The dense mode with feedback, in its variants."""
    clip = case.backbone
    for prefix, variant in variants(case).items():
        dense, look, grid = looked(case, image, variant)
        embeds = clip.project(dense)[0]
        shown = {"dense": dense[0], "embeds": embeds, "patch_labels": look.patches if look else None}
        for name in variant.shows:
            yield f"{prefix}{name}", shown[name]
        if not prefix:
            yield "embeds", embeds
            yield "logits", case.cosines(embeds[clip.num_prefix :], grid)
            yield "first_dense", look.dense[0]
            yield "first_logits", look.cosines
            yield "patch_labels", look.patches
    plain = mode_of(case, {"feedback": False})
    # users' call: the same rows as rcs_only from the two halves above
    yield "rcs_only.dense", clip.encode_dense(image, mode=plain, positions=common.RELEASED).rows[0]


def stages(case: common.Case, image: Tensor) -> Named:
    """What the mode is made of."""
    clip = case.backbone
    embed, *hidden = case.stages(image)
    yield "embed", embed[0]
    yield f"hidden_{len(hidden) - 2}", hidden[-2][0]
    maps = []
    for index in residual_blocks(clip.num_layers):
        block = clip.blocks[index]
        q, k, _ = block.qkv(block.norm1(hidden[index - 1]))
        maps.append(attention_probs(q, k)[0])
    mean = torch.stack(maps).mean(dim=0)
    yield "attn_rcs", mean
    yield "rcs_mean", mean.mean(dim=0)
    prefix = clip.num_prefix
    grid = clip.grid_of(*image.shape[2:])
    yield "omega", F.pad(gaussian_neighbourhood(grid, sigma=SIGMA), (prefix, 0, prefix, 0))
    _, look, _ = looked(case, image, Variant())
    probs = first_map(look.cosines, image[0])
    yield "first_probs_sample", probs[:, ::4, ::4]
    yield "first_pamr_sample", refined(look.cosines, image)[:, ::4, ::4]
    valid = line_pairs(look.patches)
    yield "valid", valid
    sfr = F.pad(feedback_map(look.patches, valid), (prefix, 0, prefix, 0))
    yield "sfr", sfr
    yield "sfr_sample", sfr[1::3]
    yield "sized.embed", case.stages(image, positions=None)[0][0]


def refined(cosines: Tensor, image: Tensor) -> Tensor:
    """The first prediction before its softmax."""
    return pamr(
        image, F.interpolate(cosines[None], size=image.shape[2:], mode="bilinear"), dilations=(8, 16)
    )[0]


def feedback(case: common.Case) -> Named:
    """The feedback map alone."""
    for key in [k for k in case.inputs if k.startswith("feedback.")]:
        labels, place = case.inputs[key], key.removesuffix(".labels")
        for valid_name, map_name, valid in (
            ("valid", "sfr", line_pairs(labels)),
            ("component", "sfr_component", component_pairs(labels)),
        ):
            yield f"{place}.{valid_name}", valid
            yield f"{place}.{map_name}", F.pad(feedback_map(labels, valid), (1, 0, 1, 0))


def segmentation(case: common.Case, *, windows: bool) -> Named:
    """The segmentor, with windows and whole."""
    logits = case.logits(case.method("rcs", **settings(case)), windows=windows)
    scores = case.class_scores(logits)
    yield "logits", logits
    yield "probs", scores / scores.sum(dim=0)
    yield "labels", scores.argmax(dim=0)


def compare(name: str, mine: Tensor, reference: Tensor, folder: Path) -> tuple[float, float]:
    """Difference and tolerance as the golden README defines them."""
    part, _, last = name.rpartition(".")
    if part in {"segment", "whole"}:
        if last == "labels":
            return common.share_of_other_labels(mine, reference), LABEL_SHARE
        return common.difference(mine, reference), SEGMENT[last]
    if last in INTEGERS:
        return common.unequal(mine, reference), 0.0
    tolerance = TOLERANCES.get(last, 1e-5)
    exact = any(f".{prefix}" in name for prefix in WITHOUT_ROUNDING)
    return common.difference(mine, reference), min(tolerance, 1e-4) if exact else tolerance
