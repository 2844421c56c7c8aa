"""What the masks of a training step are, and what a strictly inductive run may know about the rest of an image.

A benchmark hides the masks of its unseen classes. Where their pixels lie is hidden with them: they must look like background
and like ignored pixels. ``strict`` keeps to that; ``paper`` does not, as the published numbers do not.
"""

from collections.abc import Sequence
from typing import Literal, get_args

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from tagalign.errors import InputError, UnknownNameError
from tagalign.labels import IGNORE
from tagalign.ops.mask_losses import class_chunk, resize_logits

ClassMaps = Int[Tensor, "batch height width"]

TrustyTarget = Literal["strict", "paper"]
"""Where the trusty map shall be high. ``strict``: on every pixel that is no seen class. ``paper``: on the pixels of unseen
classes alone, which tells the model where they are (Eq. 9 and the release)."""

UNLABELLED = -1
"""The id of pixels that self-training may label."""


def mask_labels(labels: ClassMaps, seen: Sequence[int], *, ignored: int = IGNORE) -> ClassMaps:
    """Position in ``seen`` for pixels of a seen class, the ignored id for all others.

    Args:
        labels: original class ids; any other id counts as not seen.
        seen: ids of the classes whose masks may be used, in the order of the trained maps.
        ignored: id of pixels that are not counted; no class has it.
    """
    ids = _checked(seen, ignored)
    past = max(ids, default=-1) + 1
    table = torch.full((past + 1,), ignored, dtype=labels.dtype, device=labels.device)
    table[ids] = torch.arange(len(ids), dtype=labels.dtype, device=labels.device)
    # ids above the last seen one and negative ones read the last entry, which is ignored
    return table[labels.clamp(-1, past)]


def is_seen(
    labels: ClassMaps, seen: Sequence[int], *, ignored: int = IGNORE
) -> Bool[Tensor, "batch height width"]:
    """True on pixels of a seen class."""
    return torch.isin(labels, torch.tensor(_checked(seen, ignored), dtype=labels.dtype, device=labels.device))


def trusty_target(
    labels: ClassMaps,
    seen: Sequence[int],
    unseen: Sequence[int],
    *,
    kind: TrustyTarget = "strict",
    ignored: int = IGNORE,
) -> Bool[Tensor, "batch height width"]:
    """Where the trusty map shall say "no seen class".

    Args:
        labels: original class ids. With ``kind="strict"`` only the pixels of seen classes matter.
        seen: ids of the classes with masks.
        unseen: ids of the classes whose masks are hidden; used by ``kind="paper"`` only.
        kind: see ``TrustyTarget``. Results must name it: they are not comparable.
        ignored: id of pixels that are not counted; no class has it.

    Raises:
        UnknownNameError: for another kind.
    """
    _check_kind(kind)
    ids = seen if kind == "strict" else unseen
    return is_seen(labels, ids, ignored=ignored) ^ (kind == "strict")


def hide_labels(
    labels: ClassMaps,
    seen: Sequence[int],
    unseen: Sequence[int],
    *,
    kind: TrustyTarget = "strict",
    ignored: int = IGNORE,
) -> ClassMaps:
    """Labels of a self-training step before the pseudo labels: original ids, with -1 where one may be put.

    ``strict`` puts -1 on every pixel that is no seen class; ``paper`` on exactly the pixels of unseen classes, which leaks
    where they are, and keeps ``ignored``.

    Raises:
        UnknownNameError: for another kind.
    """
    _check_kind(kind)
    hidden = labels.clone()
    hidden[~is_seen(labels, seen, ignored=ignored)] = UNLABELLED if kind == "strict" else ignored
    if kind == "paper":
        hidden[is_seen(labels, unseen, ignored=ignored)] = UNLABELLED
    return hidden


def pseudo_labels(
    class_logits: Float[Tensor, "batch classes rows cols"],
    hidden: ClassMaps,
    unseen: Sequence[int],
    *,
    min_score: float = 0.0,
    ignored: int = IGNORE,
) -> ClassMaps:
    """Fill every -1 with the unseen class of the highest mask; no gradient.

    Args:
        class_logits: of all classes; brought to the size of the labels, a piece of the classes at a time.
        hidden: of ``hide_labels``.
        unseen: ids that may be given.
        min_score: where the sigmoid of the highest mask is below, the pixel becomes ``ignored``; 0 (the paper) labels all.
        ignored: id of pixels that are not counted; no class has it.

    Raises:
        InputError: if there is no unseen class to give.
    """
    ids = torch.tensor(_checked(unseen, ignored), dtype=hidden.dtype, device=hidden.device)
    if not len(ids):
        raise InputError("self-training needs the names of unseen classes, got none")
    size = (hidden.shape[1], hidden.shape[2])
    scores = torch.full(hidden.shape, -1.0, dtype=class_logits.dtype, device=hidden.device)
    best = torch.zeros_like(hidden)
    for part in ids.split(class_chunk(hidden)):
        probs, place = resize_logits(class_logits.detach()[:, part], size).sigmoid().max(dim=1)
        # strictly higher: of equal ones the first wins, as in one maximum over all
        higher = probs > scores
        scores, best = torch.where(higher, probs, scores), torch.where(higher, part[place], best)
    given = torch.where(scores >= min_score, best, ignored)
    return torch.where(hidden == UNLABELLED, given, hidden)


def _checked(ids: Sequence[int], ignored: int) -> list[int]:
    wrong = [i for i in ids if i == ignored or i < 0]
    if wrong or len(set(ids)) != len(ids):
        raise InputError(f"expected different class ids from 0 on without {ignored}, got {list(ids)}")
    return list(ids)


def _check_kind(kind: str) -> None:
    if kind not in get_args(TrustyTarget):
        raise UnknownNameError("trusty target", kind, get_args(TrustyTarget))
