"""Mask logits of words to those of labels: the best word counts, and how far a label is ahead of what excludes it."""

import torch
from jaxtyping import Float
from torch import Tensor

from tagalign.methods.label_rows import best_rows, is_row_per_label
from tagalign.methods.trusty.network import MaskLogits
from tagalign.types import EncodedLabels, Negatives

MOST_LOGIT = 1e4
"""No negative fits worse; finite, so that margins can be averaged."""


def best_alias(logits: MaskLogits, labels: EncodedLabels) -> MaskLogits:
    """One map per label."""
    if is_row_per_label(labels):
        return logits
    size = logits.classes.shape[2:]
    best = [best_rows(maps.flatten(1), labels.owners, len(labels.names)) for maps in logits.classes]
    return MaskLogits(classes=torch.stack(best).unflatten(2, size), trusty=logits.trusty)


def margins(
    maps: Float[Tensor, "rows height width"], labels: EncodedLabels, negatives: Negatives
) -> Float[Tensor, "labels height width"]:
    """How much better each label fits than its best negative; below 0 the place is not the label's.

    Args:
        maps: logits of the rows of the labels, then of the negatives.
        labels: whose rows come first.
        negatives: whose rows follow.
    """
    flat, count = maps.flatten(1), len(labels.embeds)
    own = best_rows(flat[:count], labels.owners, len(labels.names))
    theirs = best_rows(flat[count:], negatives.owners, len(labels.names), floor=-MOST_LOGIT)
    return (own - theirs).unflatten(1, (maps.shape[1], maps.shape[2]))
