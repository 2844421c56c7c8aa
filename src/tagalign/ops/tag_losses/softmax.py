"""The plain softmax over the list, as the release trains."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from tagalign.ops.losses import softmax_tag_loss
from tagalign.ops.tag_loss import TagComparison
from tagalign.ops.tag_losses import TAG_LOSSES, TagLossEntry


@dataclass(frozen=True, kw_only=True)
class Softmax:
    """``softmax_tag_loss`` without a prior."""

    bias_start = None

    def __call__(self, compared: TagComparison) -> Float[Tensor, ""]:
        """See ``TagLoss``."""
        return softmax_tag_loss(
            compared.images,
            compared.tag_embeds,
            compared.targets,
            logit_scale=compared.logit_scale,
            prob_floor=compared.prob_floor,
            chunk=compared.chunk,
        )


TAG_LOSSES.add(
    "softmax",
    TagLossEntry(
        kind=Softmax,
        summary="softmax over the list, every tag alike",
        source="Liu et al., arXiv:2312.14149, Eq. 1 and 2",
    ),
)
