"""Softmax in which rare tags weigh more."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from tagalign.ops.losses import Images, Scalar, TagEmbeds, softmax_family
from tagalign.ops.tag_loss import TagComparison
from tagalign.ops.tag_losses import TAG_LOSSES, TagLossEntry
from tagalign.ops.tag_rows import Targets


def weighted_tag_loss(
    image_embeds: Images,
    tag_embeds: TagEmbeds,
    targets: Targets,
    *,
    logit_scale: Scalar | float,
    tag_weights: Float[Tensor, " tags"],
    chunk: int | None = None,
) -> Scalar:
    """Softmax loss with a weight for each tag: ``-mean_b sum_k (y_bk / |y_b|) weight_k log p_bk``.

    The paper prints no formula for its row "weighted"; ours takes ``inverse_frequencies(counts)``.

    Args:
        image_embeds: see ``losses.softmax_tag_loss``, like what is not named here.
        tag_embeds: one text embedding per tag.
        targets: y.
        logit_scale: inverse temperature, > 0.
        tag_weights: at least 0, mean 1 over the tags that occur.
        chunk: tags held at a time.

    Returns:
        Mean over the batch, in nats; an image without tags adds 0.
    """
    return softmax_family(
        image_embeds,
        tag_embeds,
        targets,
        logit_scale,
        lambda log_p, tags: -tag_weights[tags] * log_p,
        chunk=chunk,
    )


@dataclass(frozen=True, kw_only=True)
class Weighted:
    """``weighted_tag_loss`` by the rarity of the tags."""

    bias_start = None

    def __call__(self, compared: TagComparison) -> Float[Tensor, ""]:
        """See ``TagLoss``."""
        return weighted_tag_loss(
            compared.images,
            compared.tag_embeds,
            compared.targets,
            logit_scale=compared.logit_scale,
            tag_weights=compared.rarity,
            chunk=compared.chunk,
        )


TAG_LOSSES.add(
    "weighted",
    TagLossEntry(
        kind=Weighted,
        summary="softmax in which a tag weighs as its inverse frequency",
        source="row of Liu et al., arXiv:2312.14149; our formula",
    ),
)
