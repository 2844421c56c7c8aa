"""PEARL's golden numbers: aligned attention and propagation, as users call them and step by step."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from families import dense_case as common
from torch import Tensor

from tagalign.backbones.modes.pearl import Pearl
from tagalign.ops.alignment import centred, cross_matrix, newton_factor, svd_factor
from tagalign.ops.option_values import KEY_WEIGHT
from tagalign.ops.propagation import (
    RULES,
    agreement,
    edge_weights,
    pooled,
    propagate,
    solve_exactly,
    solve_steps,
    spoken,
    text_relation,
    trust,
)

Named = Iterator[tuple[str, Tensor]]
VARIANTS = {
    "dense": {},
    "dense_kk30": {"key_weight": 0.3},
    "dense_svd": {"factor": "svd"},
    "dense_paper": {"profile": "paper"},
}
STAGES = {"hidden_10", "attention"}
TOLERANCES = {
    "rotation_svd": 1e-4, "dense": 2e-5, "dense_kk30": 2e-5, "dense_svd": 1e-4, "dense_paper": 1e-4, "embeds": 2e-5,
    "embeds_paper": 1e-4, "text": 1e-6, "solution": 5e-4, "out": 5e-4, "paper_solution": 1e-4, "propagated": 5e-4,
    "probs": 1e-5,
}  # fmt: skip
SEGMENT = {"logits": 2e-5, "guide": 1e-5, "propagated": 5e-4, "probs": 2e-2}
LABEL_SHARE = 0.005


def compute(folder: Path) -> common.Tensors:
    """Every tensor of the case, from its inputs and weights."""
    return common.compute(
        folder, of_pictures=(modes, stages), alone=propagation, segmentation=segmentation, optional=STAGES
    )


def modes(case: common.Case, image: Tensor) -> Named:
    """The dense mode itself, in its variants."""
    clip = case.backbone
    for name, options in VARIANTS.items():
        mode = Pearl(**{"profile": "released"} | options)
        dense = clip.encode_dense(image, mode=mode, positions=common.RELEASED)
        yield name, dense.rows[0]
        if name in {"dense", "dense_paper"}:
            embeds = clip.project(dense.rows)[0]
            yield name.replace("dense", "embeds"), embeds
            if name == "dense":
                yield "logits", case.cosines(embeds[clip.num_prefix :], dense.grid)
    sized = clip.encode_dense(image, mode=Pearl(profile="released"))
    yield "sized.dense", sized.rows[0]
    yield "sized.embeds", clip.project(sized.rows)[0]


def stages(case: common.Case, image: Tensor) -> Named:
    """What the mode is made of."""
    clip = case.backbone
    embed, *hidden = case.stages(image)
    yield "embed", embed[0]
    yield f"hidden_{len(hidden) - 2}", hidden[-2][0]
    block = clip.blocks[-1]
    q, k, _ = block.qkv(block.norm1(hidden[-2]))
    cross = cross_matrix(q, k, prefix=clip.num_prefix)
    yield "cross", cross[0]
    yield "rotation", newton_factor(cross)[0]
    yield "rotation_svd", svd_factor(cross)[0]
    _, own_k = centred(q, k, prefix=clip.num_prefix)
    aligned = q @ (k @ newton_factor(cross)).transpose(2, 3)
    scores = q.shape[-1] ** -0.5 * (aligned + KEY_WEIGHT * own_k @ own_k.transpose(2, 3))
    yield "attention", scores.softmax(dim=-1)[0]
    yield "sized.embed", case.stages(image, positions=None)[0][0]


def propagation(case: common.Case) -> Named:
    """Propagation alone, at the grids and scales that the names of the inputs say."""
    text = text_relation(case.inputs["queries"])
    yield "tlp.text", text
    for key in [k for k in case.inputs if k.startswith("tlp.") and k.endswith(".logits")]:
        place = key.removesuffix(".logits")
        grid = int(place.partition("_grid")[2].partition("_")[0])
        guide, maps = case.inputs[f"{place}.image"][0], case.inputs[key][0]
        rule = replace(RULES["released"], grid=grid)
        paper = replace(RULES["paper"], grid=grid)
        yield from common.prefixed(place, propagation_steps(maps, guide, text, rule, paper))


def propagation_steps(maps: Tensor, guide: Tensor, text: Tensor, rule, paper) -> Named:
    """One case of it."""
    cells, colours = pooled(maps, rule.grid), pooled(guide, rule.grid)
    probs = cells.softmax(dim=0)
    own, edges = trust(probs, text, rule.relation), edge_weights(colours, probs, text, rule)
    yield "grid_logits", cells
    yield "probs", probs
    yield "agree", agreement(probs, spoken(probs, text, rule.relation))
    yield "trust", own
    yield "weights_horizontal", edges.horizontal
    yield "weights_vertical", edges.vertical
    yield "solution", solve_steps(cells, own, edges, rule.steps)
    yield "out", propagate(maps, guide, text, rule)
    paper_own = trust(probs, text, paper.relation)
    paper_edges = edge_weights(colours, probs, text, paper)
    yield "paper_trust", paper_own
    yield "paper_weights_horizontal", paper_edges.horizontal
    yield "paper_weights_vertical", paper_edges.vertical
    yield "paper_solution", solve_exactly(cells, paper_own, paper_edges)


def segmentation(case: common.Case, *, windows: bool) -> Named:
    """The segmentor, with windows and whole."""
    logits = case.logits(case.method("pearl"), windows=windows)
    rule = replace(RULES["released"], grid=int(case.inputs["segment.grid"]))
    propagated = propagate(logits, case.guide, text_relation(case.inputs["queries"]), rule)
    scores = case.class_scores(propagated)
    yield "logits", logits
    yield "guide", case.guide
    yield "propagated", propagated
    yield "probs", scores / scores.sum(dim=0)
    yield "labels", scores.argmax(dim=0)


def compare(name: str, mine: Tensor, reference: Tensor, folder: Path) -> tuple[float, float]:
    """Difference and tolerance as the golden README defines them."""
    part, _, last = name.rpartition(".")
    if part in {"segment", "whole"}:
        if last == "labels":
            return common.share_of_other_labels(mine, reference), LABEL_SHARE
        return common.difference(mine, reference), SEGMENT[last]
    return common.difference(mine, reference), TOLERANCES.get(last, 1e-5)
