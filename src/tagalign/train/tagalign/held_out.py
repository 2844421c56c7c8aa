"""Losses on pairs that are never trained on: overfitting shows here first."""

import numpy as np
import torch

from tagalign.data.feature_pairs import FeaturePairs
from tagalign.data.teacher_scores import TeacherScores, taught
from tagalign.train.tagalign.aligner import Aligner
from tagalign.train.tagalign.step import batch_losses


def held_out_losses(
    aligner: Aligner,
    pairs: FeaturePairs,
    *,
    device: torch.device,
    teacher: TeacherScores | None = None,
    batch_size: int = 256,
) -> dict[str, float]:
    """Mean losses over all pairs in their own order, named ``held_out_loss``, ``held_out_tag``, ...

    The contrastive loss depends on the size of the batch, so the last, smaller batch is left out unless it is the only
    one; numbers are comparable within one ``batch_size``.

    Args:
        aligner: in evaluation mode.
        pairs: at least one.
        device: that computes.
        teacher: whose scores are distilled; a pair that it did not see adds 0, as in training.
        batch_size: images compared with each other.
    """
    # not the training's: numbers of runs with other batches stay comparable
    size = min(batch_size, len(pairs))
    starts = range(0, len(pairs) - size + 1, size)
    totals: dict[str, float] = {}
    for start in starts:
        batch = taught(pairs.batch(np.arange(start, start + size)), teacher).to(device)
        for name, value in batch_losses(aligner, batch).items():
            totals[name] = totals.get(name, 0.0) + float(value)
    return {f"held_out_{name}": total / len(starts) for name, total in totals.items()}
