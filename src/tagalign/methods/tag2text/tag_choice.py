"""Which tags count as recognised: thresholds that act, ids that never do, and a calibration from examples.

Tags are known by their index: names repeat (a noun and a verb are spelled alike).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from tagalign.errors import InputError

DEFAULT_THRESHOLD = 0.68  # the release's


@dataclass(frozen=True, kw_only=True, eq=False)
class TagChoice:
    """One threshold per tag index and the indices that are never chosen.

    Attributes:
        thresholds: in [0, 1]; a tag is chosen when its probability is strictly above.
        deleted: True where a tag is never chosen (the release: quarter, back, one to five).
    """

    thresholds: Float[Tensor, " tags"]
    deleted: Bool[Tensor, " tags"]

    @classmethod
    def of(
        cls,
        num_tags: int,
        *,
        default: float = DEFAULT_THRESHOLD,
        overrides: Mapping[int, float] | None = None,
        deleted: Iterable[int] = (),
    ) -> "TagChoice":
        """One threshold for all, others for some indices.

        Raises:
            InputError: if a threshold is outside [0, 1] or an index outside the list.
        """
        overrides = overrides or {}
        thresholds = torch.full((num_tags,), _checked(default))
        mask = torch.zeros(num_tags, dtype=torch.bool)
        deleted = list(deleted)
        if wrong := [i for i in (*overrides, *deleted) if not 0 <= i < num_tags]:
            raise InputError(
                f"tag index {wrong[0]} is outside the list of {num_tags} tags (0 to {num_tags - 1})"
            )
        for index, value in overrides.items():
            thresholds[index] = _checked(value)
        mask[deleted] = True
        return cls(thresholds=thresholds, deleted=mask)

    def with_default(self, threshold: float) -> "TagChoice":
        """The same list with one threshold for all tags."""
        return replace(self, thresholds=torch.full_like(self.thresholds, _checked(threshold)))

    def chosen(self, logits: Float[Tensor, "*batch tags"]) -> Bool[Tensor, "*batch tags"]:
        """``sigmoid(logit) > threshold`` and not deleted.

        Raises:
            InputError: if there are not as many logits as thresholds.
        """
        if logits.shape[-1] != len(self.thresholds):
            raise InputError(
                f"expected {len(self.thresholds)} tag logits, one per threshold, got {logits.shape[-1]}"
            )
        return (logits.sigmoid() > self.thresholds.to(logits)) & ~self.deleted.to(logits.device)

    def calibrated(
        self,
        probs: Float[Tensor, "images tags"],
        targets: Bool[Tensor, "images tags"],
        *,
        min_positives: int = 3,
    ) -> "TagChoice":
        """Per-tag thresholds with the best F1 on labelled images.

        Candidates lie half-way between neighbouring probabilities of a tag; of equally good ones the highest is taken.

        Args:
            probs: of the labelled images.
            targets: True where the image has the tag.
            min_positives: a tag with fewer keeps its threshold.
        """
        enough = targets.sum(dim=0) >= min_positives
        best = torch.stack([_best_threshold(p, t) for p, t in zip(probs.T, targets.T, strict=True)])
        return replace(self, thresholds=torch.where(enough, best.to(self.thresholds), self.thresholds))


def _checked(threshold: float) -> float:
    if not 0 <= threshold <= 1:
        raise InputError(f"a tag threshold is a probability in [0, 1], got {threshold}")
    return threshold


def _best_threshold(probs: Float[Tensor, " images"], targets: Bool[Tensor, " images"]) -> Float[Tensor, ""]:
    ordered, order = probs.double().sort(descending=True)
    hits = targets[order].cumsum(dim=0)
    taken = torch.arange(1, len(probs) + 1)
    f1 = 2 * hits / (taken + targets.sum().clamp(min=1))
    following = torch.cat([ordered[1:], ordered.new_zeros(1)])
    f1 = f1.masked_fill(ordered == following, -1.0)  # equal probabilities are taken together or not at all
    cut = int(f1.argmax())
    return (ordered[cut] + following[cut]) / 2
