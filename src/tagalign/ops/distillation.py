"""Distillation of a frozen tagger into an image encoder, as DiHT trains its classifiers beside the contrastive loss."""

import torch
from jaxtyping import Float
from torch import Tensor

from tagalign.errors import InputError
from tagalign.ops.tag_rows import TagRows


def distillation_loss(
    logits: Float[Tensor, "batch tags"], teacher: TagRows | Float[Tensor, "batch tags"]
) -> Float[Tensor, ""]:
    """Cross-entropy between a frozen tagger's scores and a student's softmax, in nats, mean over images.

    ``L = -mean_b sum_k q_bk log softmax(logits_b)_k`` with ``q_b`` the teacher's scores of an image, scaled to sum 1. The
    student's logits are of a linear classifier on the pooled image embedding, in the paper one for objects and one for
    attributes; nothing ties them to the text encoder, in which TagAlign's Table 4 sees why masks gain little. On the
    embeddings of words the same loss is ``softmax_tag_loss``, whose targets may be weighted too.

    Args:
        logits: of the student.
        teacher: scores of the frozen tagger, a matrix or the weights of index pairs; get no gradient.

    Returns:
        At least the entropy of ``q``, reached where the student's softmax is ``q``; an image without a score above 0 adds 0
        and is counted.

    Raises:
        InputError: if a score of a matrix is negative.

    Reference:
        Radenovic et al., Filtering, Distillation, and Hard Negatives for Vision-Language Pre-Training (DiHT),
        arXiv:2301.02280, concept distillation.
    """
    rows = teacher if isinstance(teacher, TagRows) else best_scores(teacher)
    # at the given tags alone: a tagger scores a few of ten thousand
    log_p = logits[rows.images, rows.tags] - logits.logsumexp(dim=1)[rows.images]
    return -(rows.shares().to(log_p.dtype) * log_p).sum() / len(logits)


def best_scores(scores: Float[Tensor, "batch tags"], *, top: int | None = None) -> TagRows:
    """The positive scores of each image as weighted tags.

    Args:
        scores: of a frozen tagger, at least 0.
        top: only those of the highest scores, ties included; all when None. ``top=1`` without a tie leaves the best tag
            alone: the target is hard.

    Raises:
        InputError: if a score is negative or no number, or ``top`` is below 1.
    """
    scores = scores.detach()
    if not bool((scores >= 0).all()):
        raise InputError("teacher: expected scores of at least 0, such as probabilities; got a negative one")
    if top is not None:
        if top < 1:
            raise InputError(f"top: expected at least 1 tag, got {top}")
        least = scores.topk(min(top, scores.shape[1]), dim=1).values[:, -1:]
        scores = torch.where(scores >= least, scores, 0)
    images, tags = (scores > 0).nonzero(as_tuple=True)
    return TagRows(images=images, tags=tags, num_images=len(scores), weights=scores[images, tags])
