"""Losses of Tag2Text: asymmetric tagging loss as a sum, smoothed language modelling, image-text matching.

The image-text contrastive loss is ``losses.contrastive_loss``. Sampling of hard negatives needs randomness and
lives in ``train``; here are only the probabilities to sample with.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from tagalign.errors import InputError

GAMMA_NEGATIVE = 7.0  # Tag2Text's release; the paper names the loss but no numbers
GAMMA_POSITIVE = 0.0
CLIP = 0.05  # probability margin of negatives
PROB_FLOOR = 1e-8  # below it a term stops at 18.42 and has no gradient
LABEL_SMOOTHING = 0.1
IGNORED_TOKEN = -100

Scalar = Float[Tensor, ""]


def asymmetric_sum_loss(
    logits: Float[Tensor, "batch tags"],
    targets: Bool[Tensor, "batch tags"] | Int[Tensor, "batch tags"] | Float[Tensor, "batch tags"],
    *,
    gamma_negative: float | int = GAMMA_NEGATIVE,
    gamma_positive: float | int = GAMMA_POSITIVE,
    clip: float | int = CLIP,
    prob_floor: float = PROB_FLOOR,
) -> Scalar:
    """Asymmetric loss of the release, summed over images and tags.

    ``L = -sum_bk w_bk (y log max(p, floor) + (1 - y) log max(q, floor))`` with ``p = sigmoid(x)``,
    ``q = min(1 - p + clip, 1)``, ``w = (1 - (p y + q (1 - y)))^(gamma_positive y + gamma_negative (1 - y))``;
    no gradient flows through ``w``. ``tag_losses.asymmetric`` differs: mean over images, gradient through
    the weight, cosine logits.

    Args:
        logits: x, unbounded.
        targets: y, 1 where the image has the tag.
        gamma_negative: power on easy negatives.
        gamma_positive: power on easy positives.
        clip: a negative with ``p`` below it adds nothing.
        prob_floor: smallest probability whose logarithm is taken.

    Returns:
        A sum in nats: it grows with the batch. No images or no tags give 0.

    Reference:
        Huang et al., Tag2Text, arXiv:2303.05657, equation 2; Ridnik et al., arXiv:2009.14119.
    """
    present = targets.to(logits.dtype)
    p = logits.sigmoid()
    q = (1 - p + clip).clamp(max=1)
    log_likelihood = present * p.clamp(min=prob_floor).log() + (1 - present) * q.clamp(min=prob_floor).log()
    with torch.no_grad():
        likelihood = p * present + q * (1 - present)
        gamma = gamma_positive * present + gamma_negative * (1 - present)
        weight = (1 - likelihood) ** gamma
    return -(weight * log_likelihood).sum()


def caption_targets(
    ids: Int[Tensor, "batch tokens"], mask: Bool[Tensor, "batch tokens"], *, skipped: int
) -> Int[Tensor, "batch tokens"]:
    """Token ids with padding and the first ``skipped`` positions (prompt) replaced by -100."""
    targets = ids.masked_fill(~mask, IGNORED_TOKEN)
    targets[:, :skipped] = IGNORED_TOKEN
    return targets


def language_model_loss(
    logits: Float[Tensor, "batch tokens vocabulary"],
    targets: Int[Tensor, "batch tokens"],
    *,
    label_smoothing: float = LABEL_SMOOTHING,
    count: float | None = None,
) -> Scalar:
    """Next-token cross-entropy: logits at position ``i`` against the target at ``i + 1``.

    Args:
        logits: of every position.
        targets: token ids; -100 does not count.
        label_smoothing: share of the target spread evenly over the vocabulary.
        count: tokens to divide by instead of the counted ones; see ``counted_tokens``.

    Returns:
        Mean over the counted tokens, in nats; 0 (with zero gradient) when none counts.

    Reference:
        Huang et al., Tag2Text, arXiv:2303.05657, equation 3; the smoothing is the release's.
    """
    following = targets[:, 1:]
    total = F.cross_entropy(
        logits[:, :-1].flatten(0, 1),
        following.flatten(),
        ignore_index=IGNORED_TOKEN,
        label_smoothing=label_smoothing,
        reduction="sum",
    )
    return total / (counted_tokens(targets).clamp(min=1) if count is None else count)


def counted_tokens(targets: Int[Tensor, "batch tokens"]) -> Int[Tensor, ""]:
    """How many tokens the mean of ``language_model_loss`` is over; several processes divide by the mean of theirs."""
    return (targets[:, 1:] != IGNORED_TOKEN).sum()


def rescaled_total(
    language: Scalar, tagging: Scalar, *, whole: tuple[Scalar, Scalar] | None = None
) -> Scalar:
    """``L_lm + L_tag / stopgrad(L_tag / L_lm)``: the tagging loss takes the value of the language loss.

    The release's way to join both; its value is ``2 L_lm``, its gradient is not. A tagging loss of 0 stays 0.

    Args:
        language: L_lm.
        tagging: L_tag.
        whole: both of the whole batch, which decide the factor, where the losses are those of a part of it.
    """
    all_language, all_tagging = (language, tagging) if whole is None else whole
    if all_tagging.item() == 0:
        return language + tagging
    return language + tagging / (all_tagging / all_language).detach()


def hard_negative_probs(
    logits: Float[Tensor, "batch batch"], same: Bool[Tensor, "batch batch"]
) -> Float[Tensor, "batch batch"]:
    """Probability to take column ``j`` as the negative of row ``i``: softmax over what does not match.

    Args:
        logits: image-text similarity with its temperature.
        same: True where row and column belong together (the diagonal, equal captions of other pairs).

    Returns:
        Rows sum to 1. A row where all columns match falls back to an even choice among the others than itself.

    Raises:
        InputError: if the batch has a single pair: there is no negative.
    """
    if len(logits) < 2:
        raise InputError(f"matching needs at least 2 pairs in a batch to find a negative, got {len(logits)}")
    probs = logits.masked_fill(same, float("-inf")).softmax(dim=-1)
    own = torch.eye(len(logits), dtype=torch.bool, device=logits.device)
    even = (~own).to(probs.dtype) / (len(logits) - 1)
    return torch.where(same.all(dim=-1, keepdim=True), even, probs)


def matching_loss(positive: Float[Tensor, "pairs 2"], negative: Float[Tensor, "negatives 2"]) -> Scalar:
    """Image-text matching: mean cross-entropy of "matches" (class 1) against "does not" (class 0).

    The paper's equation is lost in the copy we read; this is the binary loss of ALBEF (arXiv:2107.07651,
    image-text matching), which it cites: one positive and two hard negatives (an image, a text) per pair.
    """
    logits = torch.cat([positive, negative])
    target = torch.cat([torch.ones(len(positive)), torch.zeros(len(negative))]).long()
    return F.cross_entropy(logits, target.to(logits.device))
