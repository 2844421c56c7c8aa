"""The positive tags of a batch as index pairs; no batch x tags matrix is needed to say which are there."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from tagalign.errors import InputError


@dataclass(frozen=True, kw_only=True, eq=False)
class TagRows:
    """Which images have which tags.

    Attributes:
        images: row of the batch, one entry per positive, ascending.
        tags: id of the tag, one entry per positive.
        num_images: rows of the batch; an image without an entry has no tags.
        weights: how much each positive counts beside the others of its image, above 0 (a frozen tagger's scores); all alike
            when None.
    """

    images: Int[Tensor, " positives"]
    tags: Int[Tensor, " positives"]
    num_images: int
    weights: Float[Tensor, " positives"] | None = None

    @classmethod
    def from_lists(cls, rows: Sequence[Sequence[int]]) -> "TagRows":
        """From one list of tag ids per image."""
        counts = torch.tensor([len(row) for row in rows], dtype=torch.int64)
        tags = torch.tensor([tag for row in rows for tag in row], dtype=torch.int64)
        return cls(images=torch.arange(len(rows)).repeat_interleave(counts), tags=tags, num_images=len(rows))

    @classmethod
    def from_dense(cls, targets: Bool[Tensor, "batch tags"]) -> "TagRows":
        """From a 0/1 matrix."""
        images, tags = targets.nonzero(as_tuple=True)
        return cls(images=images, tags=tags, num_images=len(targets))

    def shares(self) -> Float[Tensor, " positives"]:
        """``w / sum w`` over the positives of an image, ``1 / |y|`` without weights; they sum to 1. At least float32."""
        device = self.images.device
        weights = torch.ones(len(self.images), device=device) if self.weights is None else self.weights
        totals = torch.zeros(self.num_images, dtype=weights.dtype, device=device)
        return weights / totals.index_add(0, self.images, weights)[self.images]

    def keep(self, mask: Bool[Tensor, " positives"]) -> "TagRows":
        """Without the positives where the mask is False; the images stay."""
        weights = None if self.weights is None else self.weights[mask]
        return replace(self, images=self.images[mask], tags=self.tags[mask], weights=weights)

    def between(self, start: int, end: int) -> "TagRows":
        """The positives with ``start <= tag < end``, counted from ``start``: labels of a part of the list."""
        kept = self.keep((self.tags >= start) & (self.tags < end))
        return replace(kept, tags=kept.tags - start)

    def to(self, device: torch.device | str) -> "TagRows":
        """On another device, without waiting for the copy."""
        return self._each(lambda one: one.to(device, non_blocking=True))

    def pin_memory(self) -> "TagRows":
        """In page-locked memory, from which copies run beside the computation."""
        return self._each(Tensor.pin_memory)

    def _each(self, move: Callable[[Tensor], Tensor]) -> "TagRows":
        weights = None if self.weights is None else move(self.weights)
        return replace(self, images=move(self.images), tags=move(self.tags), weights=weights)

    def check(self, *, num_images: int, num_tags: int) -> None:
        """Compare with the tensors they belong to. It waits for the device: for doors, not for every step.

        Raises:
            InputError: if the batch size differs or an id is outside of the list.
        """
        if self.num_images != num_images:
            raise InputError(f"expected tags of {num_images} images, got {self.num_images}")
        if len(self.tags) and not 0 <= int(self.tags.min()) <= int(self.tags.max()) < num_tags:
            raise InputError(
                f"tag ids must lie in 0..{num_tags - 1}, got {int(self.tags.min())}..{int(self.tags.max())}; "
                "were the captions labelled with another vocabulary?"
            )


Targets = Bool[Tensor, "batch tags"] | TagRows
"""Labels as a matrix or as index pairs; every loss takes both."""


def as_tag_rows(targets: Targets) -> TagRows:
    """Index pairs of either form."""
    return targets if isinstance(targets, TagRows) else TagRows.from_dense(targets)
