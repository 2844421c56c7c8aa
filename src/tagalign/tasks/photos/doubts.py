"""How sure an answer was, as columns of the results; what the numbers mean stands with ``ops.doubt``."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from tagalign.methods.thresholds import Threshold
from tagalign.ops.doubt import (
    choice_margin,
    expected_errors,
    label_entropy,
    pixel_disagreement,
    pixel_entropy,
    tag_disagreement,
)
from tagalign.types import Segmentation, Tagging

DoubtKind = Literal["errors", "entropy", "margin", "disagreement"]
DOUBTS: tuple[DoubtKind, ...] = get_args(DoubtKind)
"""By which photos can be put in order; the first that a run has is the default."""


def tag_doubts(
    tagging: Tagging,
    *,
    threshold: Threshold | None = None,
    learned: Mapping[str, float] | None = None,
    other: Tagging | None = None,
) -> dict[str, float | None]:
    """``margin``, ``entropy``, ``errors`` and ``disagreement`` of the tags of one photo.

    Args:
        tagging: the answer.
        threshold: that chose; None for the method's own, whose cut is then taken to lie between chosen and other labels.
        learned: thresholds of single labels that go before it.
        other: a second answer about the same labels; None for none, and then there is no disagreement.
    """
    answers = [tagging] if other is None else [tagging, other]
    scores = torch.tensor([answer.scores for answer in answers], dtype=torch.float64)
    chosen = [_chosen(answer) for answer in answers]
    cuts = torch.tensor([_cuts(answer, threshold, learned or {}) for answer in answers], dtype=torch.float64)
    return {
        "margin": choice_margin(scores[0], chosen[0]),
        "entropy": label_entropy(scores[0].clamp(min=0)),
        "errors": expected_errors(scores, cuts, chosen[0]),
        "disagreement": None if other is None else float(tag_disagreement(*chosen)),
    }


def mask_doubts(found: Segmentation, *, other: Segmentation | None = None) -> dict[str, float | None]:
    """``margin`` (the mean winning score), ``entropy`` and ``disagreement`` of the masks of one photo."""
    same = other is not None and other.names == found.names
    return {
        "margin": float(found.scores.float().mean()),
        "entropy": pixel_entropy(found.scores),
        "disagreement": pixel_disagreement(found.labels, other.labels)
        if other is not None and same
        else None,
    }


def doubt_of(values: Mapping[str, Any], order: DoubtKind) -> float | None:
    """A number that is higher where a person should look first; None where the results do not have it."""
    value = values.get(order)
    if value is None:
        return None
    return -float(value) if order == "margin" else float(value)


def _chosen(tagging: Tagging) -> Tensor:
    chosen = torch.zeros(len(tagging.names), dtype=torch.bool)
    chosen[list(tagging.chosen)] = True
    return chosen


def _cuts(tagging: Tagging, threshold: Threshold | None, learned: Mapping[str, float]) -> Sequence[float]:
    cuts = _common_cuts(tagging, threshold)
    return [learned.get(name, cut) for name, cut in zip(tagging.names, cuts, strict=True)]


def _common_cuts(tagging: Tagging, threshold: Threshold | None) -> Sequence[float]:
    if threshold is not None and threshold.kind == "calibrated":
        return [threshold.per_label.get(name, float(threshold.value)) for name in tagging.names]
    chosen = set(tagging.chosen)
    lowest = min((tagging.scores[i] for i in chosen), default=1.0)
    highest = max((score for i, score in enumerate(tagging.scores) if i not in chosen), default=0.0)
    return [(lowest + highest) / 2] * len(tagging.scores)
