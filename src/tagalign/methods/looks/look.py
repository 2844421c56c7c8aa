"""What one look at a folder learned: plain values, the tensors of some methods, and what they hold for."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from tagalign.errors import InputError
from tagalign.json_text import json_text
from tagalign.labels import LabelSet
from tagalign.methods.looks.compounds import Compounds
from tagalign.methods.looks.experts import Experts
from tagalign.methods.looks.profiles import LookProfile
from tagalign.ops.looks.moments import Moments
from tagalign.ops.looks.standardise import bounded, standardise, standardise_rows

SURPRISE = 2.0
"""Deviations above the mean of the folder at which a score is 0.5; a relative threshold of 0.5 then asks for about them."""
SCORE_FLOOR = 1e-8
"""Below the smallest score that a tagger stores: the logarithm of 0."""


@dataclass(frozen=True, kw_only=True)
class Photos:
    """Which photos were looked at.

    Attributes:
        count: that could be read.
        mark: sum of hashes of their keys and sizes, so that marks of shards add up to that of the folder.
    """

    count: int
    mark: int

    MODULUS = 2**128

    def __add__(self, other: "Photos") -> "Photos":
        """Of both."""
        return Photos(count=self.count + other.count, mark=(self.mark + other.mark) % self.MODULUS)

    def text(self) -> str:
        """The mark as 32 hex digits."""
        return f"{self.mark:032x}"


def photo_mark(key: str, size: tuple[int, int]) -> int:
    """A number of a photo by its key and size, the same in every run."""
    content = f"{key}\n{size[0]}x{size[1]}"
    return int.from_bytes(hashlib.sha256(content.encode("utf-8", "surrogatepass")).digest()[:16], "big")


@dataclass(frozen=True, kw_only=True, eq=False)
class Look:
    """Mean and deviation of a tagger's scores on a folder, per label.

    Attributes:
        facts: of the tagger, everything that its scores depend on.
        labels: that were asked.
        profile: how scores are laid.
        photos: that were looked at.
        moments: of the laid scores.
        tensors: that some methods learned beside (a bank of patches, entropies of templates), by name.
        compounds: prompts that name several labels, and their weights; None without.
        experts: how sure each template was of each label; None without.
    """

    facts: Mapping[str, Any]
    labels: LabelSet
    profile: LookProfile
    photos: Photos
    moments: Moments
    tensors: Mapping[str, Tensor] = field(default_factory=dict)
    compounds: Compounds | None = None
    experts: Experts | None = None

    def mark(self) -> str:
        """16 hex digits that change with everything that changes an answer; results name them."""
        content: dict[str, Any] = {
            "facts": dict(self.facts),
            "labels": [[one.name, list(one.aliases), one.group] for one in self.labels.labels],
            "profile": self.profile.name,
            "photos": self.photos.text(),
            "moments": self.moments.values(),
        }
        negatives = [list(one.negatives) for one in self.labels.labels]
        if any(negatives) or self.labels.groups:  # marks of older looks stay what they are
            content |= {"negatives": negatives, "groups": [asdict(one) for one in self.labels.groups]}
        if self.compounds is not None:
            content["compounds"] = self.compounds.values()
        if self.experts is not None:
            content["experts"] = self.experts.values()
        text = json_text(content, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]

    def standard(
        self, scores: Float[Tensor, "photos labels"], prompts: Float[Tensor, "photos prompts"] | None = None
    ) -> Float[Tensor, "photos labels"]:
        """Deviations above the mean of the folder, of a tagger's own scores; 0 for a label that is alike in all photos.

        Args:
            scores: of the labels.
            prompts: scores of the compound prompts, for a look that has any.

        Raises:
            InputError: for a look with compound prompts without their scores.
        """
        single = standardise(lay_scores(scores, self.profile), *self._row)
        if self.compounds is None:
            return single
        if prompts is None:
            raise InputError(
                "this look weighs compound prompts, and they were not scored; use it with the method that made it"
            )
        return self.compounds.standard(single, lay_prompts(prompts, scores, self.profile))

    @cached_property
    def _row(self) -> tuple[Tensor, Tensor]:
        """Mean and deviation; exact sums are divided once and not for every photo."""
        mean, deviation = self.moments.mean(), self.moments.deviation()
        return torch.from_numpy(mean)[None], torch.from_numpy(deviation)[None]

    def scores(
        self, scores: Float[Tensor, "photos labels"], prompts: Float[Tensor, "photos prompts"] | None = None
    ) -> Float[Tensor, "photos labels"]:
        """The same in (0, 1), for thresholds: 0.5 at ``SURPRISE`` deviations; the order of photos of a label is kept."""
        return bounded(self.standard(scores, prompts) - SURPRISE)

    def alike(self) -> list[str]:
        """Labels whose scores do not differ between photos: nothing can be said of them."""
        return [n for n, d in zip(self.labels.names, self.moments.deviation(), strict=True) if d == 0]


def lay_scores(
    scores: Float[Tensor, "photos labels"], profile: LookProfile
) -> Float[Tensor, "photos labels"]:
    """A tagger's scores as they enter the moments, in float64."""
    laid = _logarithms(scores, profile)
    return standardise_rows(laid) if profile.rows and laid.shape[1] > 1 else laid


def lay_prompts(
    prompts: Float[Tensor, "photos prompts"], scores: Float[Tensor, "photos labels"], profile: LookProfile
) -> Float[Tensor, "photos prompts"]:
    """Scores of compound prompts likewise; over the photo, by the mean and deviation of its labels."""
    laid = _logarithms(prompts, profile)
    if not profile.rows or scores.shape[1] < 2:
        return laid
    return standardise_rows(laid, like=_logarithms(scores, profile))


def _logarithms(scores: Float[Tensor, "photos columns"], profile: LookProfile) -> Tensor:
    laid = scores.double()
    return laid.clamp_min(SCORE_FLOOR).log() if profile.logarithm else laid
