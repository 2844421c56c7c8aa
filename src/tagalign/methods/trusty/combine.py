"""Class scores weighted by the trusty map, at inference."""

from collections.abc import Sequence
from typing import Literal, get_args

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from tagalign.errors import InputError, UnknownNameError

Weighting = Literal["both", "seen", "unseen", "none"]
"""Which scores the trusty map weighs."""


def combine_scores(
    class_logits: Float[Tensor, "*batch classes height width"],
    trusty_logits: Float[Tensor, "*batch 1 height width"] | None,
    seen: Sequence[int],
    *,
    weighting: Weighting = "both",
    calibration: float = 0.0,
) -> Float[Tensor, "*batch classes height width"]:
    """Scores of all classes: ``(s - calibration) (1 - u)`` for seen classes, ``s u`` for the others.

    ``s = sigmoid(class_logits)``, ``u = sigmoid(trusty_logits)``. This is Eq. 12 with its roles put right: the printed one
    multiplies the trusty map with ``1 - s`` and takes a probability for a set of classes.

    Args:
        class_logits: one map per class.
        trusty_logits: high where a pixel is no seen class; may be None with ``weighting="none"``.
        seen: ids of the classes that were trained with masks.
        weighting: weigh ``both`` kinds, one of them, or ``none``.
        calibration: subtracted from the seen scores before the weighting; the release uses 0.1, the paper none.

    Returns:
        Scores in [-calibration, 1].

    Raises:
        InputError: if there is something to weigh but no trusty map, or no class that is not seen.

    Reference:
        Li et al., TagCLIP, Eq. 12.
    """
    is_seen = seen_mask(seen, class_logits.shape[-3], class_logits.device)
    check_weighting(weighting, has_map=trusty_logits is not None, all_seen=bool(is_seen.all()))
    return weigh(class_logits, trusty_logits, is_seen, weighting=weighting, calibration=calibration)


def weigh(
    class_logits: Float[Tensor, "*batch classes height width"],
    trusty_logits: Float[Tensor, "*batch 1 height width"] | None,
    is_seen: Bool[Tensor, " classes"],
    *,
    weighting: Weighting,
    calibration: float,
) -> Float[Tensor, "*batch classes height width"]:
    """``combine_scores`` for a part of the classes, where "all are seen" means nothing; the caller has checked the whole."""
    scores = class_logits.sigmoid() - calibration * is_seen[:, None, None]
    if weighting == "none" or trusty_logits is None:
        return scores
    weigh_seen, weigh_unseen = weighting in ("both", "seen"), weighting in ("both", "unseen")
    u = trusty_logits.sigmoid()
    one = torch.ones_like(u)
    factor = torch.where(is_seen[:, None, None], 1 - u if weigh_seen else one, u if weigh_unseen else one)
    return scores * factor


def seen_mask(seen: Sequence[int], num_classes: int, device: torch.device) -> Bool[Tensor, " classes"]:
    """True for seen classes.

    Raises:
        InputError: for an id that is none of the classes.
    """
    wrong = [i for i in seen if not 0 <= i < num_classes]
    if wrong:
        raise InputError(f"expected seen class ids from 0 to {num_classes - 1}, got {wrong[0]}")
    mask = torch.zeros(num_classes, dtype=torch.bool, device=device)
    mask[list(seen)] = True
    return mask


def check_weighting(weighting: str, *, has_map: bool, all_seen: bool) -> None:
    """Refuse a weighting that has nothing to weigh with, or nothing that it would tell apart.

    Raises:
        InputError: see above.
        UnknownNameError: for another name.
    """
    if weighting not in get_args(Weighting):
        raise UnknownNameError("weighting", weighting, get_args(Weighting))
    if weighting == "none":
        return
    if not has_map:
        raise InputError(
            f"weighting {weighting!r} needs a trusty map, but the model has no trusty token; use 'none'"
        )
    if all_seen:
        raise InputError(
            f"weighting {weighting!r} needs a class that was not seen in training; all are; use 'none'"
        )
