"""Softmax that turns away from tags already found."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from tagalign.errors import InputError
from tagalign.ops.losses import Images, Scalar, TagEmbeds, softmax_family
from tagalign.ops.tag_loss import TagComparison
from tagalign.ops.tag_losses import TAG_LOSSES, TagLossEntry
from tagalign.ops.tag_rows import Targets
from tagalign.option_fields import option

GAMMA = 2.0  # Lin et al., arXiv:1708.02002, section 4.1


def focal_tag_loss(
    image_embeds: Images,
    tag_embeds: TagEmbeds,
    targets: Targets,
    *,
    logit_scale: Scalar | float,
    gamma: float = GAMMA,
    chunk: int | None = None,
) -> Scalar:
    """Softmax loss that turns away from tags already found.

    ``L = -mean_b sum_k (y_bk / |y_b|) (1 - p_bk)^gamma log p_bk``. The paper prints no formula for its row
    "focal"; this is equation 4 of Lin et al., arXiv:1708.02002 (their form without alpha), on softmax terms.

    Args:
        image_embeds: see ``losses.softmax_tag_loss``, like what is not named here.
        tag_embeds: one text embedding per tag.
        targets: y.
        logit_scale: inverse temperature, > 0.
        gamma: at least 0; 0 leaves the softmax loss.
        chunk: tags held at a time.

    Returns:
        Mean over the batch, in nats; an image without tags adds 0.
    """
    return softmax_family(
        image_embeds,
        tag_embeds,
        targets,
        logit_scale,
        lambda log_p, _: -(_one_minus_exp(log_p) ** gamma) * log_p,
        chunk=chunk,
    )


def _one_minus_exp(log_p: Tensor) -> Tensor:
    return -torch.expm1(log_p)  # keeps its digits where p is near 1


@dataclass(frozen=True, kw_only=True)
class Focal:
    """``focal_tag_loss``."""

    gamma: float = option(
        GAMMA, "power on what is missing of a tag's probability, from 0", source="arXiv:1708.02002, 4.1"
    )

    bias_start = None

    def __post_init__(self) -> None:
        if not self.gamma >= 0:
            raise InputError(f"gamma: expected a number from 0, got {self.gamma:g}")

    def __call__(self, compared: TagComparison) -> Float[Tensor, ""]:
        """See ``TagLoss``."""
        return focal_tag_loss(
            compared.images,
            compared.tag_embeds,
            compared.targets,
            logit_scale=compared.logit_scale,
            gamma=self.gamma,
            chunk=compared.chunk,
        )


TAG_LOSSES.add(
    "focal",
    TagLossEntry(
        kind=Focal,
        summary="softmax that turns away from tags already found",
        source="Lin et al., arXiv:1708.02002, Eq. 4, on softmax terms",
    ),
)
