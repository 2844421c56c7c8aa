"""Training losses of TagAlign: softmax over tags, and contrastive over captions. Embeddings may have any norm.

Sums run in float32 or better. An image without tags adds 0 and is still counted in the mean. ``logit_scale``
is the inverse temperature itself; ``inverse_temperature`` makes it from a learnable logarithm. Without the batch x tags
matrix the same is in ``chunked``; losses that training can choose stand in ``tag_losses``, one file each.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from tagalign.errors import InputError
from tagalign.ops.chunked import positive_log_probs
from tagalign.ops.tag_rows import TagRows, Targets, as_tag_rows

LOGIT_SCALE_MAX = 100.0  # CLIP clips exp(t) at 100: Radford et al. 2021, section 2.5
NORM_EPS = 1e-6  # TagAlign's release normalises with this floor; torch's default is 1e-12
RELEASED_PROB_FLOOR = 1e-8  # the release takes log(max(p, 1e-8)): the loss stops at 18.42 with no gradient

Images = Float[Tensor, "batch dim"]
TagEmbeds = Float[Tensor, "tags dim"]
Scalar = Float[Tensor, ""]


def unit(x: Float[Tensor, "*rows dim"]) -> Float[Tensor, "*rows dim"]:
    """``x / max(|x|, 1e-6)``, at least in float32."""
    return F.normalize(x if x.dtype == torch.float64 else x.float(), dim=-1, eps=NORM_EPS)


def inverse_temperature(log_scale: Scalar) -> Scalar:
    """``min(exp(log_scale), 100)``; above the limit the gradient is 0."""
    return log_scale.exp().clamp(max=LOGIT_SCALE_MAX)


def tag_logits(
    image_embeds: Images, tag_embeds: TagEmbeds, logit_scale: Scalar | float
) -> Float[Tensor, "batch tags"]:
    """``logit_scale * cos(x_b, w_k)``."""
    return logit_scale * unit(image_embeds) @ unit(tag_embeds).T


def log_frequencies(counts: Float[Tensor, " tags"] | Int[Tensor, " tags"]) -> Float[Tensor, " tags"]:
    """``log n_k``: what balanced softmax adds to the logits; ``-inf`` for a tag that never occurs.

    Raises:
        InputError: if a count is negative or all are 0.
    """
    if bool((counts < 0).any()) or not bool((counts > 0).any()):
        raise InputError("tag counts must be at least 0, and one of them positive")
    return counts.to(torch.float64 if counts.dtype == torch.float64 else torch.float32).log()


def inverse_frequencies(counts: Float[Tensor, " tags"] | Int[Tensor, " tags"]) -> Float[Tensor, " tags"]:
    """``(1 / n_k) / mean_j (1 / n_j)`` over the tags that occur; 0 for a tag that never does.

    Raises:
        InputError: if a count is negative or all are 0.
    """
    rarity = (-log_frequencies(counts)).exp().nan_to_num(posinf=0.0)
    return rarity / rarity[counts > 0].mean()


def softmax_tag_loss(
    image_embeds: Images,
    tag_embeds: TagEmbeds,
    targets: Targets,
    *,
    logit_scale: Scalar | float,
    log_prior: Float[Tensor, " tags"] | None = None,
    prob_floor: float | None = None,
    chunk: int | None = None,
) -> Scalar:
    """Softmax cross-entropy against a uniform target over the tags of an image; balanced with a prior.

    ``L = -mean_b sum_k (y_bk / |y_b|) log softmax_k(logit_scale * cos(x_b, w_k) + log_prior_k)``

    Args:
        image_embeds: pooled image embeddings x.
        tag_embeds: one text embedding w per tag.
        targets: y, as a matrix or as index pairs.
        logit_scale: inverse temperature, > 0, at most 100.
        log_prior: ``log_frequencies(counts)`` for the paper's balanced softmax. A tag that never occurs
            takes no part; as a positive it is left out of y.
        prob_floor: ``RELEASED_PROB_FLOOR`` takes ``log max(p, floor)`` like the release: no gradient
            below it.
        chunk: tags per chunk of ``chunked.positive_log_probs``; None holds the batch x tags matrix.

    Returns:
        Mean over the batch, in nats.

    Reference:
        Liu et al., TagAlign, arXiv:2312.14149, equations 1 and 2; equation 4 with a prior.
    """
    return softmax_family(
        image_embeds,
        tag_embeds,
        targets,
        logit_scale,
        lambda log_p, _: -log_p,
        log_prior=log_prior,
        prob_floor=prob_floor,
        chunk=chunk,
    )


def softmax_family(
    image_embeds: Images,
    tag_embeds: TagEmbeds,
    targets: Targets,
    logit_scale: Scalar | float,
    term: Callable[[Tensor, Tensor], Tensor],
    *,
    log_prior: Tensor | None = None,
    prob_floor: float | None = None,
    chunk: int | None = None,
) -> Scalar:
    """``mean_b sum over positives of term(log p, tag) / |y_b|``: what all losses on one softmax share.

    Args:
        image_embeds: see ``softmax_tag_loss``.
        tag_embeds: likewise.
        targets: likewise.
        logit_scale: likewise.
        term: of the log-probability of a positive, and its tag.
        log_prior: see ``softmax_tag_loss``.
        prob_floor: likewise.
        chunk: likewise.
    """
    check_scale(logit_scale)
    rows = as_tag_rows(targets)
    images = unit(image_embeds)
    if log_prior is not None:
        rows = rows.keep(log_prior[rows.tags].isfinite())
    if chunk is None:
        log_p = _positive_log_probs(images, unit(tag_embeds), rows, logit_scale, log_prior)
    else:
        # unit length chunk by chunk: a copy of a million embeddings takes 2 GB
        log_p = positive_log_probs(
            images, tag_embeds, rows, unit=unit, logit_scale=logit_scale, log_prior=log_prior, chunk=chunk
        )
    if prob_floor is not None:
        log_p = log_p.clamp(min=math.log(prob_floor))
    return (rows.shares().to(log_p.dtype) * term(log_p, rows.tags)).sum() / rows.num_images


def _positive_log_probs(
    images: Tensor, tags: Tensor, rows: TagRows, logit_scale: Scalar | float, log_prior: Tensor | None
) -> Tensor:
    logits = logit_scale * images @ tags.T
    if log_prior is not None:
        logits = logits + log_prior
    # log_softmax at the positives alone: gather first, so that no second batch x tags matrix is written
    return logits[rows.images, rows.tags] - logits.logsumexp(dim=-1)[rows.images]


def contrastive_loss(
    image_embeds: Images,
    text_embeds: Images,
    *,
    logit_scale: Scalar | float,
    all_images: Float[Tensor, "total dim"] | None = None,
    all_texts: Float[Tensor, "total dim"] | None = None,
    offset: int = 0,
) -> Scalar:
    """Image-text contrastive loss (InfoNCE): half the mean of both directions.

    ``L = 0.5 * mean_n [ CE_n(s * cos(x_n, t_.)) + CE_n(s * cos(t_n, x_.)) ]`` with the own partner as the
    target. The paper's equation 5 prints a sum over the batch, which would tie the weight of the loss to
    the batch size; like the release we take the mean.

    Args:
        image_embeds: x, of this process.
        text_embeds: t of the captions, of this process.
        logit_scale: inverse temperature, > 0, at most 100.
        all_images: x of all processes, as negatives; the own ones alone when None.
        all_texts: t of all processes.
        offset: place of the first own pair in ``all_images``.

    Returns:
        Mean over the own pairs, in nats; a single pair without others costs 0.
    """
    check_scale(logit_scale)
    images, texts = unit(image_embeds), unit(text_embeds)
    every_image = images if all_images is None else unit(all_images)
    every_text = texts if all_texts is None else unit(all_texts)
    # the partner of a pair stands at the same place among all pairs: gathered rows keep the order of the processes
    own = torch.arange(len(images), device=images.device) + offset
    to_text = F.cross_entropy(logit_scale * images @ every_text.T, own)
    to_image = F.cross_entropy(logit_scale * texts @ every_image.T, own)
    return 0.5 * (to_text + to_image)


def check_scale(logit_scale: Scalar | float) -> None:
    """Refuse an inverse temperature that is not positive.

    Raises:
        InputError: for such a number.
    """
    # a tensor is not looked at: that would wait for the device in every step
    if not isinstance(logit_scale, Tensor) and logit_scale <= 0:
        raise InputError(f"logit_scale must be positive, got {logit_scale}")
