"""The steps of TagCLIP between the encoder's passes: coarse scores, refinement, candidates, fusion; one image, one group."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from tagalign.methods.groups import Group
from tagalign.methods.tagclip.crops import CropRegions
from tagalign.methods.tagclip.profiles import TagClipProfile
from tagalign.ops.affinity import box_class_mask, patch_class_mask, refine

COLUMNS = 512
"""Labels refined at a time: of 10,000 the maps, masks and components would be a gigabyte; so few stay near the processor."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LocalScores:
    """What the patches say about the labels of one group.

    Attributes:
        refined: scores per patch, labels then (where they are ranked) background words.
        local: best patch of each label.
        candidates: labels of the group, by position, that are looked at again, ascending.
    """

    refined: Float[Tensor, "patches columns"]
    local: Float[Tensor, " labels"]
    candidates: Int[Tensor, " candidates"]


def refine_scores(
    coarse: Float[Tensor, "patches columns"],
    attention: Float[Tensor, "patches patches"],
    grid: tuple[int, int],
    *,
    boxes: bool,
    lose_last: bool,
) -> Float[Tensor, "patches columns"]:
    """Dual-masking attention refinement: ``A (m * P)`` with the class mask m found on ``A P``; a column does not see others.

    Args:
        coarse: P, one column per label or background word.
        attention: A, already 0 for pairs that are not trusted.
        grid: rows and columns of patches.
        boxes: m covers boxes around components (released), else single patches (paper, Eq. 14).
        lose_last: the boxes lose the last row and column (released).
    """
    refined = torch.empty_like(coarse)
    for start in range(0, coarse.shape[1], COLUMNS):
        some = coarse[:, start : start + COLUMNS]
        # the mask is found on refined scores and laid on the coarse ones: Eq. 14 refines once, not twice
        first = attention @ some
        mask = box_class_mask(first, grid, lose_last=lose_last) if boxes else patch_class_mask(first)
        refined[:, start : start + COLUMNS] = refine(attention, some, mask)
    return refined


def local_scores(
    embeds: Float[Tensor, "patches dim"],
    attention: Float[Tensor, "patches patches"] | None,
    grid: tuple[int, int],
    group: Group,
    *,
    logit_scale: float,
    profile: TagClipProfile,
    candidate_share: float,
    max_candidates: int | None,
) -> LocalScores:
    """Coarse scores, refinement and candidates.

    Args:
        embeds: of the patches.
        attention: trusted attention; None leaves the refinement out.
        grid: rows and columns of patches.
        group: labels that compete.
        logit_scale: CLIP's inverse temperature.
        profile: its switches; with ``ranks_background`` those words widen the range that candidates are chosen from.
        candidate_share: mu1, in [0, 1].
        max_candidates: the best so many; None for no limit.
    """
    coarse = group.probs(embeds, logit_scale)
    # after the softmax: the words have taken their share of every patch, and only now stand aside
    if not profile.ranks_background:
        coarse = coarse[:, : len(group.ids)]
    refined = coarse
    if attention is not None:
        refined = refine_scores(coarse, attention, grid, boxes=profile.boxes, lose_last=profile.loses_last)
    local = refined[:, : len(group.ids)].amax(dim=0)
    chosen = choose_candidates(local, refined, share=candidate_share, limit=max_candidates)
    return LocalScores(refined=refined, local=local, candidates=chosen)


def choose_candidates(
    local: Float[Tensor, " labels"],
    refined: Float[Tensor, "patches columns"],
    *,
    share: float,
    limit: int | None = None,
) -> Int[Tensor, " candidates"]:
    """Labels above ``min + share (max - min)``, the range taken over all patches and columns; ascending.

    Args:
        local: best patch of each label.
        refined: scores of all patches; its columns beyond the labels are background words that widen the range.
        share: mu1, in [0, 1].
        limit: the best so many; None for no limit.
    """
    low, high = refined.min(), refined.max()
    chosen = (local > low + share * (high - low)).nonzero()[:, 0]
    if limit is not None and len(chosen) > limit:
        best = local[chosen].argsort(descending=True, stable=True)[:limit]
        chosen = chosen[best].sort().values
    return chosen


def keep_until_empty(regions: CropRegions) -> CropRegions:
    """The release's early return: the first candidate with an empty box and all after it are not looked at again."""
    empty = (~regions.filled()).nonzero()
    if not len(empty):
        return regions
    boxes = regions.boxes.clone()
    boxes[int(empty[0]) :] = 0
    return CropRegions(boxes=boxes, masks=regions.masks)


def fuse(
    local: Float[Tensor, " labels"],
    candidates: Int[Tensor, " candidates"],
    filled: Bool[Tensor, " candidates"],
    global_scores: Float[Tensor, " filled"],
    *,
    weight: float,
) -> Float[Tensor, " labels"]:
    """``weight * local + (1 - weight) * global`` for candidates that were looked at again, the local score for others.

    Args:
        local: best patch of each label.
        candidates: labels by position.
        filled: which of them have a crop.
        global_scores: probability of its own label in each crop.
        weight: lambda of Eq. 16, in [0, 1]. The paper fuses all classes; the release, like us, those with a crop alone.
    """
    final = local.clone()
    seen = candidates[filled]
    final[seen] = weight * local[seen] + (1 - weight) * global_scores.to(local)
    return final


def own_scores(probs: Float[Tensor, "crops columns"], seen: Int[Tensor, " crops"]) -> Float[Tensor, " crops"]:
    """The probability of each crop's own label."""
    return probs[torch.arange(len(seen), device=seen.device), seen]
