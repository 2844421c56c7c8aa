"""The surest patches of each label: a bank of bounded size that grows over a folder, and merges to one and the same."""

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
        """The surest patches of one photo.

        Args:
            patches: any norm.
            text: embeddings of the labels, and of words behind them that compete.
            photo: its number.
            scale: of the cosines.
            keep: patches of each label at most.
            answers: labels that patches are kept of; all rows of ``text`` when None.
        """
        probs = text_probs(patches, text, scale=scale)
        sure, labels = probs.max(dim=1)
        bank = cls(
            patches=F.normalize(patches, dim=-1),
            labels=labels,
            probs=sure,
            entropies=entropies(probs),
            photos=torch.full_like(labels, photo),
            places=torch.arange(len(labels)),
        )
        of_answers = labels < (len(text) if answers is None else answers)
        return bank.take(of_answers.nonzero()[:, 0]).surest(keep)

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
        theirs = other.tensors()
        return Bank(**{name: torch.cat([value, theirs[name]]) for name, value in self.tensors().items()})

    def surest(self, keep: int) -> "Bank":
        """The ``keep`` patches of lowest entropy of each label, sorted by label, photo and place.

        Equal entropies go by photo and place, so the result does not depend on the order of the rows.
        """
        order = _sorted_by(self.labels, self.entropies, self.photos, self.places)
        labels = self.labels[order]
        first = torch.searchsorted(labels, labels)  # where each row's label begins
        kept = order[torch.arange(len(order)) - first < keep]
        rows = self.take(kept)
        return rows.take(_sorted_by(rows.labels, rows.photos, rows.places))


def _sorted_by(*keys: Tensor) -> Int[Tensor, " rows"]:
    """Order by the first key, then the second, ...: stable sorts from the last on."""
    order = torch.arange(len(keys[0]))
    for key in reversed(keys):
        order = order[key[order].argsort(stable=True)]
    return order
