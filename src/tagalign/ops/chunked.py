"""Softmax over a very long tag list without the batch x tags matrix.

The losses need ``log p`` at the positives alone. One pass over the list in chunks keeps a running maximum, a running
sum and the running mean of the tag embeddings under p; the last is the whole image gradient, so the backward pass
multiplies nothing of the list's size: two products per chunk, like the plain form.
"""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from tagalign.ops.tag_rows import TagRows

CHUNK_NUMBERS = 2**23
"""Logits held at a time: 32 MB in float32."""

LARGE = 2**25
"""Logits of the plain form from which the chunked one takes over: 134 MB in float32, several times that with gradients."""


def chunk_for(batch: int, tags: int) -> int | None:
    """Tags per chunk for a batch; None where the plain form is small enough."""
    return None if batch * tags <= LARGE else max(256, CHUNK_NUMBERS // max(batch, 1))


def positive_log_probs(
    image_units: Float[Tensor, "batch dim"],
    tag_embeds: Float[Tensor, "tags dim"],
    rows: TagRows,
    *,
    unit: Callable[[Tensor], Tensor],
    logit_scale: Tensor | float,
    log_prior: Float[Tensor, " tags"] | None = None,
    chunk: int,
) -> Float[Tensor, " positives"]:
    """``log softmax_k(logit_scale * x_b . w_k + log_prior_k)`` at the positives ``(b, k)``.

    Differentiable once in images and scale; tag embeddings and prior are constants.

    Args:
        image_units: x, unit length.
        tag_embeds: w before ``unit``, without gradient.
        unit: brings a chunk of tag embeddings to unit length and to the dtype of the images.
        rows: where the positives are; a positive must not have a prior of minus infinity.
        logit_scale: inverse temperature.
        log_prior: added to the logits; minus infinity takes a tag out of the sum.
        chunk: tags per chunk; holds ``batch * chunk`` logits at a time.
    """
    scale = torch.as_tensor(logit_scale, dtype=image_units.dtype, device=image_units.device)
    return _PositiveLogProbs.apply(  # type: ignore[no-untyped-call]
        image_units, scale, tag_embeds.detach(), log_prior, rows.images, rows.tags, chunk, unit
    )


class _PositiveLogProbs(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        images: Tensor,
        scale: Tensor,
        tags: Tensor,
        log_prior: Tensor | None,
        rows: Tensor,
        columns: Tensor,
        chunk: int,
        unit: Callable[[Tensor], Tensor],
    ) -> Tensor:
        # images without tags need no sum: they are in no positive
        tagged, places = torch.unique(rows, return_inverse=True)
        own = images[tagged]
        log_sum, mean_tag = _online_softmax(own * scale, tags, log_prior, chunk, unit)
        picked = unit(tags[columns])
        cosine = (images[rows] * picked).sum(dim=1)
        prior = 0.0 if log_prior is None else log_prior[columns]
        ctx.save_for_backward(scale, own, mean_tag, picked, cosine, tagged, places)
        ctx.num_images = len(images)
        return scale * cosine + prior - log_sum[places]

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        # d log p_k / d x = scale * (w_k - mean_j w_j under p), and the same times x / scale for the scale
        scale, own, mean_tag, picked, cosine, tagged, places = ctx.saved_tensors
        towards = torch.zeros_like(own).index_add_(0, places, grad[:, None] * picked)
        weight = torch.zeros(len(own), dtype=grad.dtype, device=grad.device).index_add_(0, places, grad)
        own_grad = scale * (towards - weight[:, None] * mean_tag)
        image_grad = torch.zeros(ctx.num_images, own.shape[1], dtype=own.dtype, device=own.device)
        image_grad[tagged] = own_grad
        scale_grad = (grad * cosine).sum() - (weight * (own * mean_tag).sum(dim=1)).sum()
        return image_grad, scale_grad, None, None, None, None, None, None


def _online_softmax(
    queries: Tensor,
    tags: Tensor,
    log_prior: Tensor | None,
    chunk: int,
    unit: Callable[[Tensor], Tensor],
) -> tuple[Tensor, Tensor]:
    """``logsumexp_k`` of the logits, and the mean of the tags under their softmax."""
    # a finite start: minus infinity would give NaN for a chunk in which every prior is minus infinity
    top = queries.new_full((len(queries),), torch.finfo(queries.dtype).min)
    total = queries.new_zeros(len(queries))
    mean = queries.new_zeros(len(queries), tags.shape[1])
    for start in range(0, len(tags), chunk):
        part = unit(tags[start : start + chunk])
        logits = queries @ part.T
        if log_prior is not None:
            logits += log_prior[start : start + chunk]
        new_top = torch.maximum(top, logits.amax(dim=1))
        shrink = (top - new_top).exp_()
        logits.sub_(new_top[:, None]).exp_()
        total = total * shrink + logits.sum(dim=1)
        mean = torch.addmm(mean * shrink[:, None], logits, part)
        top = new_top
    return top + total.log(), mean / total[:, None]
