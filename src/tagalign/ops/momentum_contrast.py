"""The image-text contrastive loss with a slow teacher: keys beyond the batch, targets between one-hot and the teacher's."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from tagalign.ops.losses import check_scale


class PairEmbeds(NamedTuple):
    """Unit-length embeddings of pairs, row by row.

    Attributes:
        images: of the images.
        texts: of their captions.
    """

    images: Float[Tensor, "pairs dim"]
    texts: Float[Tensor, "pairs dim"]


def momentum_contrastive_loss(
    own: PairEmbeds,
    teachers: PairEmbeds,
    keys: PairEmbeds,
    *,
    logit_scale: Float[Tensor, ""] | float,
    soft_targets: float,
    offset: int = 0,
) -> Float[Tensor, ""]:
    """Cross-entropy of similarities with all keys against a mixture of the own partner and the teacher's similarities.

    ``L = 1/2 mean_n [ H(q_n, softmax_k(s x_n . t'_k)) + H(q_n, softmax_k(s t_n . x'_k)) ]`` with
    ``q_n = (1 - a) one_hot(n) + a softmax_k(s x'_n . t'_k)`` (and likewise from texts), where primes are the teacher's and
    ``H(q, p) = -sum_k q_k log p_k``.

    Args:
        own: x and t, with gradient.
        teachers: x' and t' of the same pairs, by the momentum encoder.
        keys: x' and t' of the whole batch, then of the queue.
        logit_scale: s, inverse temperature.
        soft_targets: a in [0, 1].
        offset: place of the first own pair among the keys.

    Returns:
        Mean over the own pairs, in nats. With a = 0, no queue and the model as its own teacher it is
        ``losses.contrastive_loss``.

    Reference:
        Li et al., ALBEF, arXiv:2107.07651, contrastive loss and momentum distillation.
    """
    check_scale(logit_scale)
    teacher_scale = logit_scale.detach() if isinstance(logit_scale, Tensor) else logit_scale
    places = torch.arange(len(own.images), device=own.images.device) + offset
    partner = F.one_hot(places, len(keys.images)).to(own.images.dtype)

    def one_way(queries: Tensor, teacher: Tensor, others: Tensor) -> Float[Tensor, ""]:
        soft = (teacher_scale * teacher @ others.T).softmax(dim=-1)
        targets = (1 - soft_targets) * partner + soft_targets * soft
        return -(targets * (logit_scale * queries @ others.T).log_softmax(dim=-1)).sum(dim=-1).mean()

    to_text = one_way(own.images, teachers.images, keys.texts)
    to_image = one_way(own.texts, teachers.texts, keys.images)
    return 0.5 * (to_text + to_image)
