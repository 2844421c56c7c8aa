"""The surest patches of each label: a bank of bounded size that grows over a folder, and merges to one and the same."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

PROBABILITY_FLOOR = 1e-10
"""Inside the logarithm of the entropy, as released."""


def text_probs(
    patches: Float[Tensor, "*rows dim"], text: Float[Tensor, "labels dim"], *, scale: float
) -> Float[Tensor, "*rows labels"]:
    """``softmax_labels(scale * cos)``; any norms."""
    return (scale * F.normalize(patches, dim=-1) @ F.normalize(text, dim=-1).T).softmax(dim=-1)


def entropies(probs: Float[Tensor, "*rows labels"]) -> Float[Tensor, "*rows"]:
    """``-sum p ln max(p, 1e-10)``, in nats; 0 is surest."""
    return -(probs * probs.clamp_min(PROBABILITY_FLOOR).log()).sum(dim=-1)


@dataclass(frozen=True, kw_only=True, eq=False)
class Bank:
    """Patches with what ranks them. All tensors have one row per patch.

    Attributes:
        patches: unit length.
        labels: that the text gives each.
        probs: of that label.
        entropies: lowest is surest.
        photos: a number of each patch's photo, the same in every run.
        places: of the patch in its photo.
    """

    patches: Float[Tensor, "rows dim"]
    labels: Int[Tensor, " rows"]
    probs: Float[Tensor, " rows"]
    entropies: Float[Tensor, " rows"]
    photos: Int[Tensor, " rows"]
    places: Int[Tensor, " rows"]

    @classmethod
    def of_photo(
        cls,
        patches: Float[Tensor, "rows dim"],
        text: Float[Tensor, "labels dim"],
        *,
        photo: int,
        scale: float,
        keep: int,
        answers: int | None = None,
    ) -> "Bank":
        """The surest patches of one photo, in no order.

        Args:
            patches: any norm.
            text: embeddings of the labels, and of words behind them that compete.
            photo: its number.
            scale: of the cosines.
            keep: patches of each label at most.
            answers: labels that patches are kept of; all rows of ``text`` when None.
        """
        unit = F.normalize(patches, dim=-1)
        probs = (scale * unit @ F.normalize(text, dim=-1).T).softmax(dim=-1)
        sure, labels = probs.max(dim=1)
        bank = cls(
            patches=unit,
            labels=labels,
            probs=sure,
            entropies=entropies(probs),
            photos=torch.full_like(labels, photo),
            places=torch.arange(len(labels)),
        )
        if answers is not None and answers < len(text):
            bank = bank.take((labels < answers).nonzero()[:, 0])
        # what no label has too many of needs no choice; it is put in order when banks are merged
        return bank if len(bank) <= keep else bank.surest(keep)

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: Int[Tensor, " kept"]) -> "Bank":
        """Some rows, in this order."""
        return Bank(**{name: value[rows] for name, value in self.tensors().items()})

    def tensors(self) -> dict[str, Tensor]:
        """All tensors by name."""
        return dict(vars(self))

    def __add__(self, other: "Bank") -> "Bank":
        """Rows of both."""
        return Bank.joined([self, other])

    @classmethod
    def joined(cls, banks: "Sequence[Bank]") -> "Bank":
        """Rows of all, of one at least."""
        if len(banks) == 1:
            return banks[0]
        tensors = [bank.tensors() for bank in banks]
        return cls(**{name: torch.cat([one[name] for one in tensors]) for name in tensors[0]})

    def surest(self, keep: int) -> "Bank":
        """The ``keep`` patches of lowest entropy of each label, sorted by label, photo and place.

        Equal entropies go by photo and place, so the result does not depend on the order of the rows.
        """
        order = _sorted_by(self.labels, self.entropies, self.photos, self.places)
        labels = self.labels[order]
        first = torch.searchsorted(labels, labels)  # where each row's label begins
        kept = order[torch.arange(len(order)) - first < keep]
        return self.take(kept[_sorted_by(self.labels[kept], self.photos[kept], self.places[kept])])


def _sorted_by(*keys: Tensor) -> Int[Tensor, " rows"]:
    """Order by the first key, then the second, ...: stable sorts from the last on."""
    order = torch.arange(len(keys[0]))
    for key in reversed(keys):
        order = order[key[order].argsort(stable=True)]
    return order
