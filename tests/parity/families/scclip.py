"""SC-CLIP's golden numbers: the mode as users call it, and its stages from the functions that it is made of."""

from collections.abc import Iterator
from pathlib import Path

import torch
from families import dense_case as common
from torch import Tensor

from tagalign.backbones.modes.scclip import ScClip, layers_of
from tagalign.ops import similarity
from tagalign.ops.attention import attention_probs
from tagalign.ops.grid import map_to_tokens, tokens_to_map
from tagalign.ops.outliers import (
    above_quantile,
    collapsed_outlier_factor,
    largest_norms,
    local_outlier_factor,
    repair,
)
from tagalign.ops.refine.pamr import pamr

Named = Iterator[tuple[str, Tensor]]
TOLERANCES = {
    "lof_scores": 1e-4,
    "textbook_lof": 1e-4,
    "scores": 1e-4,
    "textbook": 1e-4,
    "dense": 2e-5,
    "embeds": 2e-5,
    "out": 1e-6,
}
SEGMENT = {"logits": 2e-5, "pamr_logits": 1e-4, "probs": 2e-3}
LABEL_SHARE = 0.002
INTEGERS = {"outliers", "textbook_outliers", "norm_top10"}


@torch.inference_mode()
def compute(folder: Path) -> common.Tensors:
    """Every tensor of the case, from its inputs and weights."""
    case = common.Case(folder)
    made: common.Tensors = dict(alone(case))
    for place, image in case.pictures.items():
        made.update(common.prefixed(place, modes(case, image)))
        made.update(common.prefixed(place, stages(case, image)))
    made.update(common.prefixed("segment", segmentation(case)))
    # stages of some pictures and positions are not stored
    stored = {name for name in made if name.rpartition(".")[2] in STAGES or ".sized." in name}
    return {
        name: tensor.clone() for name, tensor in made.items() if name in case.wanted or name not in stored
    }


STAGES = {
    "hidden_3", "hidden_8", "hidden_10", "multi", "mid_similarity", "mid_attention", "attention_head0", "late_similarity",
}  # fmt: skip


def modes(case: common.Case, image: Tensor) -> Named:
    """The dense mode itself."""
    clip = case.backbone
    released = clip.encode_dense(image, mode=ScClip(profile="released"), positions=common.RELEASED)
    embeds = clip.project(released.patches)[0]
    yield "dense", released.patches[0]
    yield "embeds", embeds
    yield "logits", case.cosines(embeds, released.grid)
    textbook = ScClip(profile="released", outliers="textbook")
    yield "textbook.dense", clip.encode_dense(image, mode=textbook, positions=common.RELEASED).patches[0]
    sized = clip.encode_dense(image, mode=ScClip(profile="released"))
    yield "sized.dense", sized.patches[0]
    yield "sized.embeds", clip.project(sized.patches)[0]


def stages(case: common.Case, image: Tensor) -> Named:
    """What the mode is made of, one step after the other."""
    clip, layers = case.backbone, layers_of(case.backbone.num_layers)
    prefix, grid = clip.num_prefix, clip.grid_of(*image.shape[2:])
    embed, *hidden = case.stages(image)
    yield "embed", embed[0]
    for index in (layers.late, layers.mid, len(hidden) - 2):
        yield f"hidden_{index}", hidden[index][0]
    first, final = layers.multi
    multi = sum(hidden[first + 1 : final + 1], start=hidden[first])
    yield "multi", multi[0]
    patches = hidden[-2][:, prefix:]
    released, textbook = collapsed_outlier_factor(patches), local_outlier_factor(patches)
    wrong = above_quantile(released)
    yield "lof_scores", released[0]
    yield "textbook_lof", textbook[0]
    yield "outliers", wrong[0].nonzero().flatten()
    yield "textbook_outliers", above_quantile(textbook)[0].nonzero().flatten()
    yield "norm_top10", largest_norms(patches, 10)[0].nonzero().flatten()
    repaired, mid = (
        map_to_tokens(repair(tokens_to_map(x, grid), wrong.unflatten(1, grid)))
        for x in (patches, hidden[layers.mid][:, prefix:])
    )
    likeness = similarity.cosines(mid)
    aggregated = similarity.alike_weights(likeness) @ repaired
    attend = similarity.likeness_attention(likeness)
    yield "repaired", repaired[0]
    yield "mid_similarity", likeness[0]
    yield "aggregated", aggregated[0]
    yield "mid_attention", attend[0]
    late = similarity.cosines(hidden[layers.late][:, prefix:])
    yield "late_similarity", torch.where(late < similarity.CUT, 0, late)[0]
    block = clip.blocks[-1]
    for name, rows, whole in (("first", aggregated, hidden[-2]), ("second", multi[:, prefix:], multi)):
        _, k, v = block.qkv(block.norm1(rows))
        maps = (attend[:, None] + attention_probs(k, k)) / 2
        if name == "first":
            yield "attention_head0", maps[0, 0]
        dense = block.out(maps @ v) + layers.class_weight * whole[:, :1]
        yield name, dense[0]
        yield f"{name}_adjusted", (similarity.alike_weights(late) @ dense)[0]
    sized = case.stages(image, positions=None)
    yield "sized.embed", sized[0][0]
    sized_wrong = above_quantile(collapsed_outlier_factor(sized[-2][:, prefix:]))
    yield "sized.outliers", sized_wrong[0].nonzero().flatten()


def alone(case: common.Case) -> Named:
    """Scores of points and the repair of a map."""
    points = case.inputs["lof.points"][None]
    for name, scores in (
        ("scores", collapsed_outlier_factor(points)),
        ("textbook", local_outlier_factor(points)),
    ):
        yield f"lof.{name}", scores[0]
    yield "lof.outliers", above_quantile(collapsed_outlier_factor(points))[0].nonzero().flatten()
    yield "lof.textbook_outliers", above_quantile(local_outlier_factor(points))[0].nonzero().flatten()
    features = case.inputs["repair.map"][None]
    wrong = torch.zeros(1, *features.shape[2:], dtype=torch.bool)
    wrong[0, case.inputs["repair.cells"][:, 0], case.inputs["repair.cells"][:, 1]] = True
    yield "repair.out", repair(features, wrong)[0]


def segmentation(case: common.Case) -> Named:
    """The segmentor with its windows."""
    logits = case.logits(case.method("scclip"), windows=True)
    yield "logits", logits
    yield "pamr_logits", pamr(case.guide[None], logits[None], dilations=(8, 16))[0]
    probs = case.class_scores(logits)
    best, labels = probs.max(dim=0)
    yield "probs", probs
    yield "labels", labels
    level = float(case.inputs["segment.threshold"])
    yield "labels_threshold", torch.where(best < level, 0, labels)
    yield "labels_area", area_labels(case.class_scores(logits, scale=50.0))


def area_labels(probs: Tensor, *, share: float = 0.3, level: float = 0.15) -> Tensor:
    """The release's rule for VOC21 with the settings of the case: small classes give way, then the threshold."""
    labels = probs.argmax(dim=0)
    found = labels[labels != 0]
    small = [c for c in range(1, len(probs)) if (found == c).double().mean() <= share]
    kept = probs.clone()
    kept[small] = 0
    best, labels = kept.max(dim=0)
    return torch.where(best < level, 0, labels)


def compare(name: str, mine: Tensor, reference: Tensor, folder: Path) -> tuple[float, float]:
    """Difference and tolerance as the golden README defines them."""
    part, _, last = name.rpartition(".")
    if part == "segment":
        if last.startswith("labels"):
            return common.share_of_other_labels(mine, reference), LABEL_SHARE
        return common.difference(mine, reference), SEGMENT[last]
    if last in INTEGERS:
        return common.unequal(mine, reference), 0.0
    return common.difference(mine, reference), TOLERANCES.get(last, 1e-5)
