"""Labels for a folder that nobody typed: which of many names fit its photos best and most often, near-synonyms as one.

Every photo names the few candidates that fit it best. A candidate's weight is the sum of its scores there: how well times
how often. Where captions name the candidates their own counts decide, and the photos show what they mean.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from heapq import nlargest
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from tagalign.labels import Label, LabelSet
from tagalign.methods.label_rows import mean_rows
from tagalign.tags.normalize import normalize_tag
from tagalign.types import EncodedLabels

NAMED = 5
"""Candidates that a photo names."""
EXAMPLES = 4
SAME_TEXT = 0.95
"""Cosine of two candidates' texts from which they are words for one thing."""
SAME_CENTRED = 0.8
"""The same once the mean of the candidates is taken off: models differ in how much all texts have in common, and one whose
texts lie close together would call everything one thing."""
CENTRED_FROM = 50
"""Candidates of which there is a mean to speak of."""


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A label that fits the folder.

    Attributes:
        name: that is proposed.
        aliases: near-synonyms that fitted too, best first.
        weight: that ranks it: sum of its scores where it was named, or captions that name it.
        photos: that named it, under this name.
        score: mean over those.
        captions: that name it; None without captions.
        examples: keys of the photos that it fits best, with their scores.
    """

    name: str
    aliases: tuple[str, ...] = ()
    weight: float
    photos: int
    score: float
    captions: int | None = None
    examples: tuple[tuple[str, float], ...] = ()


UNIT = 1074
"""Every float is a whole number of ``2**-1074``: sums of such numbers do not depend on the order of the photos."""


@dataclass
class _Count:
    """Photos of a candidate, so that shards in any order give the same numbers.

    Attributes:
        photos: that named it.
        units: exact sum of its scores there, in ``2**-UNIT``.
        best: photos with the highest scores, ties by their keys.
    """

    photos: int = 0
    units: int = 0
    best: list[tuple[float, str]] = field(default_factory=list)

    def add(self, key: str, score: float) -> None:
        """One photo more."""
        numerator, denominator = score.as_integer_ratio()
        self.photos += 1
        self.units += numerator << (UNIT + 1 - denominator.bit_length())
        self.best = nlargest(EXAMPLES, [*self.best, (score, key)])

    @property
    def total(self) -> float:
        """Sum of the scores, rounded once."""
        return self.units / (1 << UNIT)


def rank(rows: Iterable[Mapping[str, Any]], *, captions: Mapping[str, int] | None = None) -> list[Proposal]:
    """Candidates in the order of their weight, one by one.

    Args:
        rows: of a run of ``tag``: ``key``, ``tags`` and ``tag_scores``, best first; of any number, in any order, read once.
        captions: how many captions name each candidate; candidates that no photo named are kept then.
    """
    counts: dict[str, _Count] = {name: _Count() for name in captions or ()}
    for row in rows:
        for name, score in zip(row["tags"], row["tag_scores"], strict=True):
            counts.setdefault(name, _Count()).add(str(row["key"]), float(score))
    found = [
        Proposal(
            name=name,
            weight=one.total if captions is None else float(captions[name]),
            photos=one.photos,
            score=one.total / one.photos if one.photos else 0.0,
            captions=None if captions is None else captions[name],
            examples=tuple((key, score) for score, key in one.best),
        )
        for name, one in counts.items()
    ]
    return sorted(found, key=lambda proposal: (-proposal.weight, -proposal.score, proposal.name))


def merge(proposals: Sequence[Proposal], labels: EncodedLabels, *, most: int) -> list[Proposal]:
    """The first proposals, near-synonyms behind the one of them that stands first.

    Two names are near-synonyms where they are forms of one word, or their texts are nearly the same for the model. The
    weight of the first stays: photos name both, and adding up would count them twice. The first of a single word names them.

    Args:
        proposals: ranked.
        labels: all candidates, encoded.
        most: proposals at most.
    """
    text = F.normalize(mean_rows(labels.embeds.float().cpu(), labels.owners.cpu(), len(labels.names)), dim=-1)
    bound = SAME_TEXT
    if len(text) >= CENTRED_FROM:
        text, bound = F.normalize(text - text.mean(dim=0), dim=-1), SAME_CENTRED
    rows = dict(zip(labels.names, text, strict=True))
    kept, aliases = list[Proposal](), dict[str, list[str]]()
    for proposal in proposals:
        first = _same(proposal.name, kept, rows, bound)
        if first is not None:
            aliases[first].append(proposal.name)
        elif len(kept) < most:
            kept.append(proposal)
            aliases[proposal.name] = []
    return [_named(one, (one.name, *aliases[one.name])) for one in kept]


def _named(proposal: Proposal, words: Sequence[str]) -> Proposal:
    """Under the first of its words that is one word: ``house`` and not ``home plate``."""
    name = next((word for word in words if " " not in word), words[0])
    return replace(proposal, name=name, aliases=tuple(word for word in words if word != name))


def _same(
    name: str, kept: Sequence[Proposal], rows: Mapping[str, Float[Tensor, " dim"]], bound: float
) -> str | None:
    """The kept name that this one is another word for."""
    if not kept:
        return None
    near = torch.stack([rows[one.name] for one in kept]) @ rows[name]
    best = int(near.argmax())
    if float(near[best]) >= bound:
        return kept[best].name
    form = normalize_tag(name)
    return next((one.name for one in kept if form and normalize_tag(one.name) == form), None)


def proposed_labels(proposals: Sequence[Proposal], title: str) -> LabelSet:
    """The proposals as a label set, near-synonyms as other words."""
    return LabelSet(name=title, labels=tuple(Label(name=one.name, aliases=one.aliases) for one in proposals))
