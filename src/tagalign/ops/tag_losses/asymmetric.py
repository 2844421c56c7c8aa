"""Independent sigmoids in which easy negatives count less, and below a margin not at all."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from tagalign.errors import InputError
from tagalign.ops.losses import Images, Scalar, TagEmbeds, check_scale, unit
from tagalign.ops.tag_loss import TagComparison
from tagalign.ops.tag_losses import TAG_LOSSES, TagLossEntry
from tagalign.ops.tag_rows import Targets, as_tag_rows
from tagalign.option_fields import check_share, option

GAMMA_NEGATIVE = 4.0  # Ridnik et al., arXiv:2009.14119, section 3.1; gamma+ is 0 there
CLIP = 0.05  # probability margin of negatives, same place
BIAS_START = -10.0  # Zhai et al., arXiv:2303.15343, section 3.2: most tags are absent at the start


def asymmetric_tag_loss(
    image_embeds: Images,
    tag_embeds: TagEmbeds,
    targets: Targets,
    *,
    logit_scale: Scalar | float,
    bias: Scalar | float,
    gamma_negative: float = GAMMA_NEGATIVE,
    clip: float = CLIP,
    chunk: int | None = None,
) -> Scalar:
    """Asymmetric loss on independent sigmoids: easy negatives count less, and below a margin not at all.

    ``L = -mean_b [ sum_positives log p + sum_negatives q^gamma_negative log(1 - q) ]`` with
    ``p = sigmoid(logit_scale * cos + bias)`` and ``q = max(p - clip, 0)``.

    Args:
        image_embeds: pooled image embeddings.
        tag_embeds: one text embedding per tag.
        targets: matrix or index pairs.
        logit_scale: inverse temperature.
        bias: learnable; cosines of CLIP are all positive, a sigmoid needs a point to turn at.
        gamma_negative: power on the probability of negatives; gamma+ is 0.
        clip: probability margin under which a negative adds nothing.
        chunk: tags per chunk; each is computed again in the backward pass instead of being held.

    Reference:
        Ridnik et al., arXiv:2009.14119, equations 4 to 7. The paper prints no formula for its row
        "asymmetric".
    """
    check_scale(logit_scale)
    rows = as_tag_rows(targets)
    images = unit(image_embeds)

    def negatives(logits: Tensor) -> Tensor:
        shifted = (logits.sigmoid() - clip).clamp(min=0)
        return -(shifted**gamma_negative) * torch.log1p(-shifted)

    def negative_sum(images: Tensor, part: Tensor, scale: Tensor | float, bias: Tensor | float) -> Tensor:
        return negatives(scale * images @ unit(part).T + bias).sum()

    if chunk is None:
        everywhere = negative_sum(images, tag_embeds, logit_scale, bias)
    else:
        parts = [
            checkpoint(negative_sum, images, part, logit_scale, bias, use_reentrant=False)
            for part in tag_embeds.split(chunk)
        ]
        everywhere = torch.stack(parts).sum()
    own = logit_scale * (images[rows.images] * unit(tag_embeds[rows.tags])).sum(dim=1) + bias
    return (-F.logsigmoid(own).sum() + everywhere - negatives(own).sum()) / rows.num_images


@dataclass(frozen=True, kw_only=True)
class Asymmetric:
    """``asymmetric_tag_loss`` with a learned bias."""

    gamma_negative: float = option(
        GAMMA_NEGATIVE, "power on the probability of negatives, from 0", source="arXiv:2009.14119, 3.1"
    )
    clip: float = option(
        CLIP, "probability under which a negative adds nothing, in [0, 1]", source="arXiv:2009.14119, 3.1"
    )
    bias_start: float = option(
        BIAS_START, "start of the learned bias of the sigmoids", source="arXiv:2303.15343, 3.2"
    )

    def __post_init__(self) -> None:
        check_share("clip", self.clip)
        if not self.gamma_negative >= 0:
            raise InputError(f"gamma_negative: expected a number from 0, got {self.gamma_negative:g}")

    def __call__(self, compared: TagComparison) -> Float[Tensor, ""]:
        """See ``TagLoss``."""
        if compared.bias is None:
            raise AssertionError("the term was built with this loss's bias")
        return asymmetric_tag_loss(
            compared.images,
            compared.tag_embeds,
            compared.targets,
            logit_scale=compared.logit_scale,
            bias=compared.bias,
            gamma_negative=self.gamma_negative,
            clip=self.clip,
            chunk=compared.chunk,
        )


TAG_LOSSES.add(
    "asymmetric",
    TagLossEntry(
        kind=Asymmetric,
        summary="independent sigmoids in which easy negatives count less",
        source="Ridnik et al., arXiv:2009.14119, Eq. 4 to 7",
    ),
)
