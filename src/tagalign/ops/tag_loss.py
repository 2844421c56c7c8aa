"""What a tag loss is given, and what it gives back."""

from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from tagalign.ops.tag_rows import TagRows


@dataclass(frozen=True, kw_only=True, eq=False)
class TagComparison:
    """Images of a batch beside a list of tags.

    Attributes:
        images: pooled embeddings, any norm.
        tag_embeds: of the tags, unit length.
        targets: which image has which tag.
        logit_scale: inverse temperature, learned, at most 100.
        log_counts: logarithm of the images of the corpus that have a tag; ``-inf`` for a tag that never occurs.
        rarity: inverse frequency of a tag over their mean; see ``losses.inverse_frequencies``.
        bias: learned, for losses that start one; else None.
        prob_floor: ``log max(p, floor)`` of a profile that repeats the release; None is exact.
        chunk: tags per chunk where the batch x tags matrix would be too large; None holds it.
    """

    images: Float[Tensor, "batch dim"]
    tag_embeds: Float[Tensor, "tags dim"]
    targets: TagRows
    logit_scale: Float[Tensor, ""]
    log_counts: Float[Tensor, " tags"]
    rarity: Float[Tensor, " tags"]
    bias: Float[Tensor, ""] | None = None
    prob_floor: float | None = None
    chunk: int | None = None

    def part(self, start: int, stop: int) -> "TagComparison":
        """With some tags of the list, which then compete among themselves."""
        return replace(
            self,
            tag_embeds=self.tag_embeds[start:stop],
            targets=self.targets.between(start, stop),
            log_counts=self.log_counts[start:stop],
            rarity=self.rarity[start:stop],
        )


@runtime_checkable
class TagLoss(Protocol):
    """A tag loss: a frozen dataclass whose fields are its options (``option_fields.option``)."""

    @property
    def bias_start(self) -> float | None:
        """Where the learned bias of a loss on independent sigmoids starts; None for a loss without one."""
        ...

    def __call__(self, compared: TagComparison) -> Float[Tensor, ""]:
        """Mean over the images, in nats; an image without tags adds 0 and is counted."""
        ...
