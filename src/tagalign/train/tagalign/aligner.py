"""What is trained: a projector, and loss terms with temperatures of their own. Each weight acts alone."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from tagalign.errors import InputError, UnknownNameError
from tagalign.methods.dense.projector import pool
from tagalign.ops import losses
from tagalign.ops.chunked import chunk_for
from tagalign.ops.grid import tokens_to_map
from tagalign.ops.tag_rows import TagRows

TagLoss = Literal["balanced", "softmax", "weighted", "focal", "asymmetric"]
"""A name in ``TAG_LOSSES``."""

SIGMOID_BIAS_START = -10.0  # Zhai et al., arXiv:2303.15343, section 3.2: most tags are absent at the start


@dataclass(frozen=True, kw_only=True, eq=False)
class Embeds:
    """What the loss terms compare.

    Attributes:
        images: pooled image embeddings of this process.
        texts: caption embeddings of this process; None when no term needs them.
        tags: of the captions.
        all_images: of all processes, where there are several.
        all_texts: likewise.
        offset: place of the first own image in ``all_images``.
    """

    images: Float[Tensor, "batch dim"]
    texts: Float[Tensor, "batch dim"] | None
    tags: TagRows
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
        loss: a name in ``TAG_LOSSES``.
        temperature: start value.
        prob_floor: see ``softmax_tag_loss``; ``softmax`` and ``balanced`` know it.
        parts: lengths of the parts of the list with a softmax of their own (objects, attributes); their
            losses are averaged. One part is the paper's concatenated list.
    """

    tag_embeds: Tensor
    log_prior: Tensor
    rarity: Tensor

    def __init__(
        self,
        tag_embeds: Float[Tensor, "tags dim"],
        counts: Sequence[int],
        *,
        loss: str = "balanced",
        temperature: float = 0.07,
        prob_floor: float | None = None,
        parts: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        if loss not in TAG_LOSSES:
            raise UnknownNameError("tag loss", loss, TAG_LOSSES)
        _check_parts(tag_embeds, counts, parts)
        occurrences = torch.tensor(list(counts), dtype=torch.float64, device=tag_embeds.device)
        self.loss = TAG_LOSSES[loss]
        self.prob_floor = prob_floor
        self.parts = tuple(parts or (len(tag_embeds),))
        self.log_scale = nn.Parameter(torch.tensor(-math.log(temperature)))
        self.bias = nn.Parameter(torch.tensor(SIGMOID_BIAS_START)) if loss == "asymmetric" else None
        # unit length and float32 once, instead of in every step
        self.register_buffer("tag_embeds", losses.unit(tag_embeds), persistent=False)
        self.register_buffer("log_prior", losses.log_frequencies(occurrences).float(), persistent=False)
        self.register_buffer("rarity", losses.inverse_frequencies(occurrences).float(), persistent=False)

    def forward(self, embeds: Embeds) -> Float[Tensor, ""]:
        """Mean over the parts of the list."""
        # a softmax per part: objects and attributes do not compete for the same probability
        start, values = 0, []
        for length in self.parts:
            part = slice(start, start + length)
            tags = embeds.tags.between(part.start, part.stop) if len(self.parts) > 1 else embeds.tags
            values.append(self.loss(self, replace(embeds, tags=tags), part))
            start += length
        return torch.stack(values).mean()

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


def _chunk(embeds: Embeds, part: slice) -> int | None:
    return chunk_for(len(embeds.images), part.stop - part.start)


def _softmax(term: TagTerm, embeds: Embeds, part: slice) -> Tensor:
    return losses.softmax_tag_loss(
        embeds.images,
        term.tag_embeds[part],
        embeds.tags,
        logit_scale=term.logit_scale,
        prob_floor=term.prob_floor,
        chunk=_chunk(embeds, part),
    )


def _balanced(term: TagTerm, embeds: Embeds, part: slice) -> Tensor:
    return losses.softmax_tag_loss(
        embeds.images,
        term.tag_embeds[part],
        embeds.tags,
        logit_scale=term.logit_scale,
        log_prior=term.log_prior[part],
        prob_floor=term.prob_floor,
        chunk=_chunk(embeds, part),
    )


def _weighted(term: TagTerm, embeds: Embeds, part: slice) -> Tensor:
    return losses.weighted_tag_loss(
        embeds.images,
        term.tag_embeds[part],
        embeds.tags,
        logit_scale=term.logit_scale,
        tag_weights=term.rarity[part],
        chunk=_chunk(embeds, part),
    )


def _focal(term: TagTerm, embeds: Embeds, part: slice) -> Tensor:
    return losses.focal_tag_loss(
        embeds.images,
        term.tag_embeds[part],
        embeds.tags,
        logit_scale=term.logit_scale,
        chunk=_chunk(embeds, part),
    )


def _asymmetric(term: TagTerm, embeds: Embeds, part: slice) -> Tensor:
    assert term.bias is not None  # built for this loss
    return losses.asymmetric_tag_loss(
        embeds.images,
        term.tag_embeds[part],
        embeds.tags,
        logit_scale=term.logit_scale,
        bias=term.bias,
        chunk=_chunk(embeds, part),
    )


TAG_LOSSES: dict[str, Callable[[TagTerm, Embeds, slice], Tensor]] = {
    "balanced": _balanced,
    "softmax": _softmax,
    "weighted": _weighted,
    "focal": _focal,
    "asymmetric": _asymmetric,
}


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
        """The inverse temperature of each term, at most 100."""
        return {
            name: float(losses.inverse_temperature(term.log_scale.detach()))  # type: ignore[operator]
            for name, term in self.terms.items()
        }

    def inference_scale(self) -> float:
        """The learned inverse temperature that inference uses: of the tag loss, or of the captions' where it is alone."""
        scales = self.scales()
        return scales.get("tag", next(iter(scales.values())))
