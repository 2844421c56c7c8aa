"""What is trained: a projector, and loss terms with temperatures of their own. Each weight acts alone."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from tagalign.errors import InputError
from tagalign.methods.dense.projector import pool
from tagalign.ops import losses
from tagalign.ops.chunked import chunk_for
from tagalign.ops.grid import tokens_to_map
from tagalign.ops.tag_loss import TagComparison, TagLoss
from tagalign.ops.tag_rows import TagRows


@dataclass(frozen=True, kw_only=True, eq=False)
class Embeds:
    """What the loss terms compare.

    Attributes:
        images: pooled image embeddings of this process.
        texts: caption embeddings of this process; None when no term needs them.
        tags: of the captions.
        teacher: scores of a frozen tagger as weighted tags of its own list, where they are distilled.
        all_images: of all processes, where there are several.
        all_texts: likewise.
        offset: place of the first own image in ``all_images``.
    """

    images: Float[Tensor, "batch dim"]
    texts: Float[Tensor, "batch dim"] | None
    tags: TagRows
    teacher: TagRows | None = None
    all_images: Float[Tensor, "total dim"] | None = None
    all_texts: Float[Tensor, "total dim"] | None = None
    offset: int = 0


class ContrastiveTerm(nn.Module):
    """The captions' loss with its learnable temperature."""

    def __init__(self, *, temperature: float) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(-math.log(temperature)))

    def forward(self, embeds: Embeds) -> Float[Tensor, ""]:
        """See ``contrastive_loss``.

        Raises:
            InputError: without caption embeddings.
        """
        if embeds.texts is None:
            raise InputError(
                "the contrastive loss needs caption embeddings; give captions, or set its weight to 0"
            )
        return losses.contrastive_loss(
            embeds.images,
            embeds.texts,
            logit_scale=losses.inverse_temperature(self.log_scale),
            all_images=embeds.all_images,
            all_texts=embeds.all_texts,
            offset=embeds.offset,
        )


class TagTerm(nn.Module):
    """A tag loss with its learnable temperature; text embeddings and counts are fixed.

    Args:
        tag_embeds: one per tag of the list.
        counts: images of the corpus that have the tag.
        loss: see ``ops.tag_losses``.
        temperature: start value.
        prob_floor: see ``TagComparison``; losses of the release know it.
        parts: lengths of the parts of the list with a softmax of their own (objects, attributes); their
            losses are averaged. One part is the paper's concatenated list.
    """

    tag_embeds: Tensor
    log_counts: Tensor
    rarity: Tensor

    def __init__(
        self,
        tag_embeds: Float[Tensor, "tags dim"],
        counts: Sequence[int],
        *,
        loss: TagLoss,
        temperature: float = 0.07,
        prob_floor: float | None = None,
        parts: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        _check_parts(tag_embeds, counts, parts)
        occurrences = torch.tensor(list(counts), dtype=torch.float64, device=tag_embeds.device)
        self.loss = loss
        self.prob_floor = prob_floor
        self.parts = tuple(parts or (len(tag_embeds),))
        self.log_scale = nn.Parameter(torch.tensor(-math.log(temperature)))
        start = loss.bias_start
        self.bias = None if start is None else nn.Parameter(torch.tensor(start))
        # unit length and float32 once, instead of in every step
        self.register_buffer("tag_embeds", losses.unit(tag_embeds), persistent=False)
        # not in checkpoints: they follow from the vocabulary, whose hash the facts of the run hold
        self.register_buffer("log_counts", losses.log_frequencies(occurrences).float(), persistent=False)
        self.register_buffer("rarity", losses.inverse_frequencies(occurrences).float(), persistent=False)

    def forward(self, embeds: Embeds) -> Float[Tensor, ""]:
        """Mean over the parts of the list."""
        # a softmax per part: objects and attributes do not compete for the same probability
        start, values = 0, []
        for length in self.parts:
            values.append(self.loss(self._compared(embeds, start, start + length)))
            start += length
        return torch.stack(values).mean()

    def _compared(self, embeds: Embeds, start: int, stop: int) -> TagComparison:
        whole = TagComparison(
            images=embeds.images,
            tag_embeds=self.tag_embeds,
            targets=embeds.tags,
            logit_scale=self.logit_scale,
            log_counts=self.log_counts,
            rarity=self.rarity,
            bias=self.bias,
            prob_floor=self.prob_floor,
            chunk=chunk_for(len(embeds.images), stop - start),
        )
        return whole if len(self.parts) == 1 else whole.part(start, stop)

    @property
    def logit_scale(self) -> Float[Tensor, ""]:
        """The inverse temperature, at most 100."""
        return losses.inverse_temperature(self.log_scale)


def _check_parts(tag_embeds: Tensor, counts: Sequence[int], parts: Sequence[int] | None) -> None:
    if not len(tag_embeds) or len(tag_embeds) != len(counts):
        raise InputError(
            f"expected one count per tag and at least one tag, got {len(tag_embeds)} and {len(counts)}"
        )
    if parts is not None and (sum(parts) != len(tag_embeds) or min(parts) < 1):
        raise InputError(f"the parts {list(parts)} do not add up to the {len(tag_embeds)} tags of the list")


class Aligner(nn.Module):
    """A projector and its loss terms.

    ``total = sum over terms of weight * loss``; a term of weight 0 is not kept, so it costs nothing and
    changes nothing.

    Args:
        projector: turns maps of features into maps of embeddings, usually a ``Projector``.
        terms: explicit list of (name, weight, loss).
    """

    def __init__(self, projector: nn.Module, terms: Sequence[tuple[str, float, nn.Module]]) -> None:
        super().__init__()
        if negative := [name for name, weight, _ in terms if weight < 0]:
            raise InputError(f"loss weights must be at least 0, that of {negative[0]!r} is negative")
        self.projector = projector
        self.weights: Mapping[str, float] = {name: weight for name, weight, _ in terms if weight > 0}
        self.terms = nn.ModuleDict({name: term for name, weight, term in terms if weight > 0})
        if not self.terms:
            raise InputError("all loss weights are 0; there is nothing to train for")

    def embed(
        self, features: Float[Tensor, "batch patches width"], grid: tuple[int, int]
    ) -> Float[Tensor, "batch dim"]:
        """Pooled image embeddings z of frozen patch features; any norm."""
        return pool(self.projector(tokens_to_map(features, grid)))

    def forward(self, embeds: Embeds) -> tuple[Float[Tensor, ""], dict[str, Tensor]]:
        """The weighted sum, and each loss before its weight."""
        parts = {name: term(embeds) for name, term in self.terms.items()}
        return torch.stack([self.weights[name] * value for name, value in parts.items()]).sum(), parts

    def scales(self) -> dict[str, float]:
        """The inverse temperature of each term that compares with words, at most 100."""
        return {
            name: float(losses.inverse_temperature(term.log_scale.detach()))
            for name, term in self.terms.items()
            if isinstance(term, ContrastiveTerm | TagTerm)
        }

    def inference_scale(self) -> float:
        """The learned inverse temperature that inference uses: of the tag loss, or of the captions' where it is alone."""
        scales = self.scales()
        return scales.get("tag", next(iter(scales.values())))
