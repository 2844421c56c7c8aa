"""Detection scores: COCO's average precision of boxes.

Boxes are XYXY in pixels, ends exclusive. All scores are fractions in [0, 1].
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

THRESHOLDS = np.linspace(0.5, 0.95, 10)  # of the IoU, as COCO has them
RECALLS = np.linspace(0, 1, 101)
MAX_DETECTIONS = 100  # per image and label
AREAS = {"all": (0.0, 1e10), "small": (0.0, 32.0**2), "medium": (32.0**2, 96.0**2), "large": (96.0**2, 1e10)}


@dataclass(frozen=True, kw_only=True, eq=False)
class ImageBoxes:
    """Found and true boxes of one image.

    Attributes:
        found: XYXY.
        scores: of the found boxes; higher is surer.
        found_labels: label id of each.
        true: XYXY.
        true_labels: label id of each.
        crowd: boxes around a crowd; a found box inside one counts neither as right nor as wrong.
        areas: of the true objects' masks in pixels.
    """

    found: Float[np.ndarray, "found 4"]
    scores: Float[np.ndarray, " found"]
    found_labels: Int[np.ndarray, " found"]
    true: Float[np.ndarray, "true 4"]
    true_labels: Int[np.ndarray, " true"]
    crowd: Bool[np.ndarray, " true"]
    areas: Float[np.ndarray, " true"]


def box_iou(
    found: Float[np.ndarray, "found 4"], true: Float[np.ndarray, "true 4"], crowd: Bool[np.ndarray, " true"]
) -> Float[np.ndarray, "found true"]:
    """Intersection over union; over the found box alone where the true one is a crowd."""
    sides = np.minimum(found[:, None, 2:], true[None, :, 2:]) - np.maximum(
        found[:, None, :2], true[None, :, :2]
    )
    inside = sides.clip(min=0).prod(-1)
    own = (found[:, 2:] - found[:, :2]).prod(-1)[:, None]
    other = (true[:, 2:] - true[:, :2]).prod(-1)[None]
    union = np.where(crowd[None], own, own + other - inside)
    return np.divide(inside, union, out=np.zeros_like(inside), where=union > 0)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Matches:
    """Of one label in one image: found boxes by falling score."""

    scores: Float[np.ndarray, " found"]
    hits: Bool[np.ndarray, "thresholds found"]
    ignored: Bool[np.ndarray, "thresholds found"]
    positives: int


def _match(image: ImageBoxes, label: int, area: tuple[float, float]) -> _Matches | None:
    """Greedy matching by score, as COCO does it: counted objects first, then ignored ones."""
    mine, theirs = image.found_labels == label, image.true_labels == label
    if not mine.any() and not theirs.any():
        return None
    order = np.argsort(-image.scores[mine], kind="stable")[:MAX_DETECTIONS]
    found, scores = image.found[mine][order], image.scores[mine][order]
    true, crowd, areas = image.true[theirs], image.crowd[theirs], image.areas[theirs]
    ignore = crowd | (areas < area[0]) | (areas > area[1])
    counted_first = np.argsort(ignore, kind="stable")
    true, crowd, ignore = true[counted_first], crowd[counted_first], ignore[counted_first]
    overlaps = box_iou(found, true, crowd)
    own_area = (found[:, 2:] - found[:, :2]).prod(-1)
    outside = (own_area < area[0]) | (own_area > area[1])
    hits = np.zeros((len(THRESHOLDS), len(found)), dtype=bool)
    ignored = np.zeros_like(hits)
    for t, threshold in enumerate(THRESHOLDS):
        taken = np.zeros(len(true), dtype=bool)
        for i in range(len(found)):
            best = _best(overlaps[i], threshold, taken, crowd, ignore)
            if best is None:
                ignored[t, i] = outside[i]
            else:
                taken[best] = True
                hits[t, i], ignored[t, i] = not ignore[best], ignore[best]
    return _Matches(scores=scores, hits=hits, ignored=ignored, positives=int((~ignore).sum()))


def _best(
    overlaps: np.ndarray, threshold: float, taken: np.ndarray, crowd: np.ndarray, ignore: np.ndarray
) -> int | None:
    """The true box a found one is matched to: the best free counted one, else the best ignored one."""
    # as pycocotools: the IoU of equal boxes may be rounded below 1
    best, reached = None, min(threshold, 1 - 1e-10)
    for j, overlap in enumerate(overlaps):
        if taken[j] and not crowd[j]:
            continue
        if best is not None and not ignore[best] and ignore[j]:
            break
        if overlap >= reached:
            best, reached = j, overlap
    return best


def _precisions(matches: Sequence[_Matches]) -> Float[np.ndarray, " thresholds"] | None:
    """Mean interpolated precision at 101 recalls, for each IoU threshold; None without positives."""
    positives = sum(m.positives for m in matches)
    if not positives:
        return None
    scores = np.concatenate([m.scores for m in matches])
    order = np.argsort(-scores, kind="stable")
    hits = np.concatenate([m.hits for m in matches], axis=1)[:, order]
    ignored = np.concatenate([m.ignored for m in matches], axis=1)[:, order]
    right = np.cumsum(hits & ~ignored, axis=1).astype(np.float64)
    wrong = np.cumsum(~hits & ~ignored, axis=1).astype(np.float64)
    means = np.zeros(len(THRESHOLDS))
    for t in range(len(THRESHOLDS)):
        precision = right[t] / (right[t] + wrong[t] + np.spacing(1))
        precision = np.maximum.accumulate(precision[::-1])[::-1]
        # precision at the first place that reaches each recall; a recall that is never reached adds 0
        places = np.searchsorted(right[t] / positives, RECALLS, side="left")
        means[t] = precision[places[places < len(precision)]].sum() / len(RECALLS)
    return means


def label_precisions(
    images: Sequence[ImageBoxes], num_labels: int, *, area: str = "all"
) -> Float[np.ndarray, "labels thresholds"]:
    """Average precision of every label at every IoU threshold; NaN for a label without true boxes of this area."""
    table = np.full((num_labels, len(THRESHOLDS)), math.nan)
    for label in range(num_labels):
        matched = [m for image in images if (m := _match(image, label, AREAS[area])) is not None]
        found = _precisions(matched)
        if found is not None:
            table[label] = found
    return table


def detection_scores(images: Sequence[ImageBoxes], num_labels: int) -> dict[str, float]:
    """COCO's ``ap``, ``ap50``, ``ap75`` and ``ap_small``, ``ap_medium``, ``ap_large``; NaN where nothing is to be found.

    Reference:
        Lin et al., arXiv 1405.0312, and the definition of the COCO detection challenge: IoU .50:.05:.95, 101 recalls,
        at most 100 boxes per image and label.
    """
    table = label_precisions(images, num_labels)
    scores = {"ap": _mean(table), "ap50": _mean(table[:, 0]), "ap75": _mean(table[:, 5])}
    sizes = {
        f"ap_{area}": _mean(label_precisions(images, num_labels, area=area))
        for area in AREAS
        if area != "all"
    }
    return scores | sizes


def _mean(values: np.ndarray) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else math.nan
