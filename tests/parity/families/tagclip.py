"""TagCLIP's and CLIP-ES's golden numbers, computed by the library the way its users call it.

A stage is fed with the stored tensors of the stage before, as the golden README asks: thresholds are discontinuous.
The ``unrounded`` tensors have no stored stages and run end to end; so does ``tests/methods/test_tagclip_golden.py``.
"""

import re
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from families.tagclip_case import Case, Tensors
from safetensors.torch import load_file
from torch import Tensor

from tagalign.evaluate.tagging import average_precisions, mean_average_precision, precision_recall
from tagalign.methods.tagclip.crops import cut_crop
from tagalign.methods.thresholds import Threshold
from tagalign.ops.affinity import (
    above_mean,
    box_class_mask,
    patch_class_mask,
    refine,
    share_box_mask,
)

TOLERANCES = {
    # golden README: float32 sums in another order, of values up to 1
    "features.attn": 1e-6,
    "features.attn_patch_mean": 1e-7,
    "features.position_embedding": 0.0,
    "coarse.scores": 1e-4,  # softmax at scale 100 multiplies a cosine's rounding by 100
    "unrounded.coarse_scores": 1e-4,
    "dmar.attn": 1e-6,
    "dmar.scores_l1": 1e-5,
    "dmar.scores_refined": 1e-5,
    "dmar_paper.scores_refined": 1e-5,
    "unrounded.scores_refined": 1e-5,
    "cwr.local": 1e-5,
    "cwr_degenerate.local": 1e-5,
    "cwr.crop_samples": 1e-5,
    "cwr.p_global": 1e-4,
    "cwr.final": 1e-4,
    "cwr_degenerate.p_global": 1e-4,
    "cwr_degenerate.final_continue": 1e-4,
    "cwr_degenerate.final_official": 1e-4,
    "unrounded.final_scores": 1e-4,
    "cam.affinity": 1e-6,
    "cam.probs": 1e-5,
    "cam.minmax": 1e-4,
    "cam.caa": 1e-4,
    "cam_7layers.caa": 1e-4,
    "cam.caa_highres": 1e-3,  # stored in half precision
    # metrics: float64 ratios against the release's own sums
    "ap": 1e-6,
    "map": 1e-6,
    "f1": 1e-6,
}
RELATIVE = {"features.tokens": 1e-5, "unrounded.tokens": 1e-5, "cam.weights": 1e-4, "cam.raw": 1e-4}
"""Tolerances relative to the largest reference value."""
EMBED_TOLERANCE = 1e-5  # text_embeds and image_embeds: golden README
ALLOWED_ENTRIES = {"dmar.vote_count": 6, "dmar.attn_mask": 0}
"""Integers that may differ, where another attention kernel moves a value across a mean."""
ALLOWED_SHARE = {"cam.label_map": 1e-3}
"""Share of the pixels, where two maps are equal but for rounding."""


def compute(folder: Path) -> Tensors:
    """Every tensor of the case, from its inputs and weights; names that nobody knows are left out and fail."""
    wanted = load_file(folder / "outputs.safetensors")
    if not (folder / "weights.safetensors").exists():
        return _metrics(folder, wanted)
    case = Case(folder, wanted)
    makers = [(re.compile(pattern), maker) for pattern, maker in MAKERS.items()]
    made = {}
    for name in wanted:
        for pattern, maker in makers:
            if match := pattern.fullmatch(name):
                made[name] = maker(case, *match.groups())
    return {name: _like(value, wanted[name]) for name, value in made.items()}


def _like(mine: Tensor, reference: Tensor) -> Tensor:
    """The stored type, for integers and masks."""
    return mine if reference.is_floating_point() else mine.to(reference.dtype)


def compare(name: str, mine: Tensor, reference: Tensor, folder: Path) -> tuple[float, float]:
    """Largest difference and what the golden README allows."""
    if name in ALLOWED_ENTRIES:
        return float((mine != reference).sum()), float(ALLOWED_ENTRIES[name])
    if name in ALLOWED_SHARE:
        return float((mine != reference).double().mean()), ALLOWED_SHARE[name]
    if mine.numel() == 0:
        return 0.0, 0.0
    difference = float((mine.double() - reference.double()).abs().max())
    if not reference.is_floating_point():
        return difference, 0.0
    if name in RELATIVE:
        return difference, RELATIVE[name] * float(reference.abs().max())
    stem = re.sub(r"(_\d+_\d+|_[\d.]+|_official|_nonempty)$", "", name)
    return difference, TOLERANCES.get(
        name, TOLERANCES.get(stem, TOLERANCES.get(stem.split("_")[0], EMBED_TOLERANCE))
    )


def _vote_count(case: Case) -> Tensor:
    return above_mean(case.attentions[:, 1:, 1:]).sum(dim=0)


def _attn_mask(case: Case) -> Tensor:
    return case.stored["dmar.vote_count"] >= case.tagger.layers.min_votes


def _attn(case: Case) -> Tensor:
    mean = case.attentions[list(case.tagger.layers.refine), 1:, 1:].mean(dim=0)
    return mean * case.stored["dmar.attn_mask"]


def _refined(case: Case, mask: str) -> Tensor:
    return refine(case.stored["dmar.attn"], case.stored["coarse.scores"], case.stored[mask] > 0)


def _positions(case: Case) -> Tensor:
    """What ``embed_patches`` adds; it has no door of its own."""
    from tagalign.ops.grid import resize_positions

    native = case.backbone.vision.positions
    resized = resize_positions(native, case.grid, mode="bilinear")
    return resized if resized is native else resized.half().float()


def _crop_samples(case: Case) -> Tensor:
    side = case.backbone.preprocessing.image_size
    boxes = case.regions(case.stored["dmar.scores_refined"]).boxes
    crops = [cut_crop(case.image[0], box, patch_size=case.backbone.patch_size, side=side) for box in boxes]
    return torch.stack(crops)[:, :, 3::7, 3::7]


def _image_embeds(case: Case, side: str) -> Tensor:
    resized = F.interpolate(case.image, size=(int(side), int(side)), mode="bilinear", align_corners=False)
    return case.backbone.project(case.backbone.encode_dense(resized, mode="clip").cls)


def _tags(case: Case, scores: Tensor) -> Tensor:
    chosen = case.tagger.options.threshold.choose(scores.tolist(), case.labels.names)
    return torch.tensor(sorted(chosen))


def _unrounded_final(case: Case) -> Tensor:
    tagger, image = case.unrounded
    return tagger.steps([image], case.labels)[0][0].final


def _unrounded_tags(case: Case) -> Tensor:
    tagger, image = case.unrounded
    return torch.tensor(sorted(tagger.tag(image, case.labels).chosen))


def _degenerate(case: Case) -> Tensor:
    return case.inputs["cwr_degenerate.scores"]


def _of_stored(case: Case) -> Tensor:
    return case.stored["dmar.scores_refined"]


MAKERS: dict[str, Callable[..., Tensor]] = {
    r"features\.position_embedding": _positions,
    r"features\.tokens": lambda c: c.tokens(rounded=True),
    r"features\.attn_(\d+)_(\d+)": lambda c, a, b: c.attentions[int(a) : int(b) + 1],
    r"features\.attn_patch_mean": lambda c: c.attentions[:, 1:, 1:].mean(dim=(1, 2)),
    r"text_embeds": lambda c: c.backbone.encode_ids(c.inputs["input_ids"]),
    r"image_embeds_(\d+)": _image_embeds,
    r"coarse\.scores": lambda c: c.coarse(c.encoded),
    r"dmar\.vote_count": _vote_count,
    r"dmar\.attn_mask": _attn_mask,
    r"dmar\.attn": _attn,
    r"dmar\.scores_l1": lambda c: c.stored["dmar.attn"] @ c.stored["coarse.scores"],
    r"dmar\.class_mask": lambda c: box_class_mask(c.stored["dmar.scores_l1"], c.grid, lose_last=True),
    r"dmar\.scores_refined": lambda c: _refined(c, "dmar.class_mask"),
    r"dmar_paper\.class_mask": lambda c: patch_class_mask(c.stored["dmar.scores_l1"]),
    r"dmar_paper\.scores_refined": lambda c: _refined(c, "dmar_paper.class_mask"),
    r"cwr\.local": lambda c: c.local(_of_stored(c)),
    r"cwr\.candidates": lambda c: c.candidates(_of_stored(c)),
    r"cwr\.boxes": lambda c: c.regions(_of_stored(c)).boxes,
    r"cwr\.masks": lambda c: c.regions(_of_stored(c)).masks,
    r"cwr\.crop_samples": _crop_samples,
    r"cwr\.p_global": lambda c: c.global_scores(_of_stored(c)),
    r"cwr\.final": lambda c: c.final(_of_stored(c), stop=True),
    r"cwr_degenerate\.local": lambda c: c.local(_degenerate(c)),
    r"cwr_degenerate\.candidates": lambda c: c.candidates(_degenerate(c)),
    r"cwr_degenerate\.boxes": lambda c: c.regions(_degenerate(c)).boxes,
    r"cwr_degenerate\.masks": lambda c: c.regions(_degenerate(c)).masks,
    r"cwr_degenerate\.p_global": lambda c: c.global_scores(_degenerate(c)),
    r"cwr_degenerate\.final_official": lambda c: c.final(_degenerate(c), stop=True),
    r"cwr_degenerate\.final_continue": lambda c: c.final(_degenerate(c), stop=False),
    r"tags\.ids": lambda c: _tags(c, c.stored["cwr.final"]),
    r"unrounded\.tokens": lambda c: c.tokens(rounded=False),
    r"unrounded\.coarse_scores": lambda c: c.coarse(c.unrounded[1]),
    r"unrounded\.scores_refined": lambda c: (
        c.unrounded[0].steps([c.unrounded[1]], c.labels)[0][0].scores.refined
    ),
    r"unrounded\.final_scores": _unrounded_final,
    r"unrounded\.tags": _unrounded_tags,
    r"cam\.probs": lambda c: c.cam.probs,
    r"cam\.weights": lambda c: c.cam.weights,
    r"cam\.raw": lambda c: c.maps(c.cam.raw),
    r"cam\.minmax": lambda c: c.maps(c.cam.maps),
    r"cam\.box_mask": lambda c: c.maps(
        share_box_mask(c.stored_map("cam.minmax"), c.cls_seg.options.box_share, c.grid, lose_last=True)
    ),
    r"cam\.affinity": lambda c: c.cam.affinity,
    r"cam\.caa": lambda c: c.caa(),
    r"cam_7layers\.caa": lambda c: c.caa(c._layers(r"cam_7layers.*?layers (\d+)\.\.(\d+)")),
    r"cam\.caa_highres": lambda c: c.highres(),
    r"cam\.label_map": lambda c: c.label_map(),
}
"""From the name of a tensor to what the library makes of it."""


def _metrics(folder: Path, wanted: Tensors) -> Tensors:
    """Tagging metrics of a case without a model; the thresholds are in the names."""
    inputs = load_file(folder / "inputs.safetensors")
    scores, truth = inputs["scores"], inputs["labels"].long()
    precisions = average_precisions(scores, truth)
    made: Tensors = {}
    for name in wanted:
        if name == "ap":
            made[name] = precisions.nan_to_num(0.0)
        elif name in ("map_official", "map_nonempty"):
            empty = "zero" if name == "map_official" else "skip"
            made[name] = torch.tensor(mean_average_precision(precisions, empty=empty))
        elif match := re.fullmatch(r"tags_([\d.]+)", name):
            made[name] = _chosen(scores, float(match[1])).to(torch.uint8)
        elif match := re.fullmatch(r"f1_p_r_([\d.]+)", name):
            found = precision_recall(_above(scores, float(match[1])), truth, average="micro")
            made[name] = torch.tensor([found.f1, found.precision, found.recall])
    return made


def _chosen(scores: Tensor, share: float) -> Tensor:
    """The library's own choice, row by row."""
    threshold, names = Threshold(kind="relative", value=share), tuple(map(str, range(scores.shape[1])))
    chosen = torch.zeros_like(scores, dtype=torch.bool)
    for row, values in zip(chosen, scores.tolist(), strict=True):
        row[list(threshold.choose(values, names))] = True
    return chosen


def _above(scores: Tensor, share: float) -> Tensor:
    """The same without the best label of a row that selects nothing: the release's F1 leaves it out."""
    constant = scores.amax(dim=1) == scores.amin(dim=1)
    return _chosen(scores, share) & ~constant[:, None]
