"""OVSegmentor's consistency of group masks across images: two images that name one thing, one image's groups on the other.

``train.groupvit.consistency`` trains a tower with it. Of OVSegmentor's other losses the captions' is
``losses.contrastive_loss``, and so is that of completed entities, on what a multimodal decoder makes of a sentence with its
entities masked; the slot attention that binds patches to groups has no loss of its own.
"""

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from tagalign.errors import InputError

Masks = Float[Tensor, "batch groups pixels"]

THRESHOLD = 0.6
"""Share of a mask's highest value from which on a pixel belongs to it; the release's setting for its second stage."""

TRAINED_SHARE = 0.5
"""Of the groups: those that fit the shared entity best; the release's default."""

SMOOTH = 1.0


def match_groups(first: Masks, second: Masks) -> Int[Tensor, "batch groups"]:
    """For every group of ``first`` its partner in ``second``: one to one, the least sum of distances of unit masks."""
    costs = torch.cdist(_unit(first.detach()), _unit(second.detach())).cpu().numpy()
    partners = np.stack([linear_sum_assignment(cost)[1] for cost in costs])  # rows come back in their order
    return torch.from_numpy(partners).to(first.device)


def _unit(masks: Masks) -> Masks:
    return torch.nn.functional.normalize(masks, dim=2)


def mask_consistency_loss(
    across: Masks,
    own: Masks,
    *,
    relevance: Float[Tensor, "batch groups"] | None = None,
    threshold: float = THRESHOLD,
    trained_share: float = TRAINED_SHARE,
) -> Float[Tensor, ""]:
    """Dice loss between masks across images and the other image's own masks, after matching the groups.

    With ``p = (a - min a) / (max a - min a)`` of each mask in ``across`` and
    ``t = [sigmoid(b) >= threshold max sigmoid(b)]`` of its partner in ``own``:
    ``mean over images of 1 - (2 sum p t + 1) / (sum p + sum t + 1)``, sums over groups and pixels.

    Args:
        across: attention logits of one image's groups on the pixels of a second image that shares an entity with it.
        own: logits of the second image's own groups, by the momentum encoder; gets no gradient.
        relevance: similarity of the groups of ``across`` with the shared entity; the ``trained_share`` most similar get a
            gradient, the others count in the value alone. None trains all.
        threshold: of the targets, in (0, 1].
        trained_share: in (0, 1]; used with ``relevance``.

    Returns:
        In [0, 1); a mask of one value everywhere is 0 everywhere.

    Raises:
        InputError: for shares out of range.

    Reference:
        Xu et al., Learning Open-Vocabulary Semantic Segmentation Models From Natural Language Supervision (OVSegmentor),
        arXiv:2301.09121, cross-image mask consistency. Its release divides the sum over images by the number of groups.
    """
    for name, share in (("threshold", threshold), ("trained_share", trained_share)):
        if not 0 < share <= 1:
            raise InputError(f"{name}: expected a share above 0, at most 1, got {share:g}")
    partners = match_groups(across, own)
    sure = own.detach().sigmoid().gather(1, partners[..., None].expand_as(own))
    targets = (sure >= threshold * sure.amax(dim=2, keepdim=True)).to(across.dtype)
    if relevance is not None:
        across = torch.where(_trained(relevance, trained_share)[..., None], across, across.detach())
    low, high = across.amin(dim=2, keepdim=True), across.amax(dim=2, keepdim=True)
    scaled = (across - low) / torch.where(high > low, high - low, 1)
    overlap = (scaled * targets).sum(dim=(1, 2))
    areas = scaled.sum(dim=(1, 2)) + targets.sum(dim=(1, 2))
    return (1 - (2 * overlap + SMOOTH) / (areas + SMOOTH)).mean()


def _trained(relevance: Float[Tensor, "batch groups"], share: float) -> Tensor:
    """True for the groups that fit best; at least one."""
    groups = relevance.shape[1]
    left_out = min(groups - 1, int(groups * (1 - share)))
    least = relevance.topk(left_out, dim=1, largest=False).indices
    return torch.ones_like(relevance, dtype=torch.bool).scatter(1, least, False)
