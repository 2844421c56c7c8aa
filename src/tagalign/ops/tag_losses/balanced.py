"""Balanced softmax: frequent tags start ahead, so that they need not be learned to be frequent."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from tagalign.ops.losses import softmax_tag_loss
from tagalign.ops.tag_loss import TagComparison
from tagalign.ops.tag_losses import TAG_LOSSES, TagLossEntry


@dataclass(frozen=True, kw_only=True)
class Balanced:
    """``softmax_tag_loss`` with the counts as its prior."""

    bias_start = None

    def __call__(self, compared: TagComparison) -> Float[Tensor, ""]:
        """See ``TagLoss``."""
        return softmax_tag_loss(
            compared.images,
            compared.tag_embeds,
            compared.targets,
            logit_scale=compared.logit_scale,
            log_prior=compared.log_counts,
            prob_floor=compared.prob_floor,
            chunk=compared.chunk,
        )


TAG_LOSSES.add(
    "balanced",
    TagLossEntry(
        kind=Balanced,
        summary="softmax with the counts of the tags as its prior",
        source="Liu et al., arXiv:2312.14149, Eq. 4",
    ),
)
