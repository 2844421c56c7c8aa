"""Distillation of a frozen tagger into an image encoder, as DiHT trains its classifiers beside the contrastive loss."""

import torch
from jaxtyping import Float
from torch import Tensor

from tagalign.errors import InputError


def distillation_loss(
    logits: Float[Tensor, "batch tags"], teacher: Float[Tensor, "batch tags"], *, top: int | None = None
) -> Float[Tensor, ""]:
    """Cross-entropy between a frozen tagger's scores and a student's softmax, in nats, mean over images.

    ``L = -mean_b sum_k q_bk log softmax(logits_b)_k`` with ``q_b`` the teacher's scores of the image's ``top`` tags, scaled
    to sum 1. The student's logits are of a linear classifier on the pooled image embedding, in the paper one for objects and
    one for attributes; nothing ties them to the text encoder, in which TagAlign's Table 4 sees why masks gain little.

    Args:
        logits: of the student.
        teacher: scores of the frozen tagger, at least 0; get no gradient.
        top: only the tags of the highest scores count, ties included; all when None. With ``top=1`` and no tie this is the
            cross-entropy with the tagger's best tag.

    Returns:
        At least the entropy of ``q``, reached where the student's softmax is ``q``; an image without a score above 0 adds 0
        and is counted.

    Raises:
        InputError: if a score is negative, or ``top`` is below 1.

    Reference:
        Radenovic et al., Filtering, Distillation, and Hard Negatives for Vision-Language Pre-Training (DiHT),
        arXiv:2301.02280, concept distillation.
    """
    scores = teacher.detach().to(logits.dtype)
    if bool((scores < 0).any()):
        raise InputError("teacher: expected scores of at least 0, such as probabilities; got a negative one")
    if top is not None:
        if top < 1:
            raise InputError(f"top: expected at least 1 tag, got {top}")
        least = scores.topk(min(top, scores.shape[1]), dim=1).values[:, -1:]
        scores = torch.where(scores >= least, scores, 0)
    total = scores.sum(dim=1, keepdim=True)
    shares = scores / torch.where(total > 0, total, 1)
    return -(shares * logits.log_softmax(dim=1)).sum(dim=1).mean()
