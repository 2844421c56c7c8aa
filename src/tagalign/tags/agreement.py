"""How far two parses of the same captions agree: precision, recall and F1 per kind, and tags that only one found."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tagalign.errors import InputError
from tagalign.tags.lemmas import singular
from tagalign.tags.parses import ParsedCaption
from tagalign.tags.tokens import tokenize


@dataclass(frozen=True, slots=True)
class Agreement:
    """Micro-averaged over captions; each caption's tags are a set.

    Attributes:
        both: tags found by both.
        first: tags of the first (the gold).
        second: tags of the second (the prediction).
        only_first: tags that the second missed, and how often.
        only_second: tags that the first does not have, and how often.
    """

    both: int
    first: int
    second: int
    only_first: Counter[str] = field(default_factory=Counter)
    only_second: Counter[str] = field(default_factory=Counter)

    @property
    def precision(self) -> float:
        """Share of the second's tags that the first has; 0 without tags."""
        return self.both / max(self.second, 1)

    @property
    def recall(self) -> float:
        """Share of the first's tags that the second has; 0 without tags."""
        return self.both / max(self.first, 1)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; symmetric in both parses."""
        return 2 * self.both / max(self.first + self.second, 1)

    def summary(self) -> dict[str, float]:
        """Precision, recall and F1, rounded to four digits, and the two counts."""
        shares = {"precision": self.precision, "recall": self.recall, "f1": self.f1}
        counts = {"first": self.first, "second": self.second}
        return {name: round(value, 4) for name, value in shares.items()} | counts


def comparable(tag: str) -> str:
    """A tag as it is compared: lower case, hyphens as blanks, every word in the singular."""
    return " ".join(singular(token) for token in tokenize(tag) if token[0].isalnum()).replace("-", " ")


def score(
    first: Sequence[ParsedCaption],
    second: Sequence[ParsedCaption],
    *,
    kinds: Iterable[str] = ("object", "attribute"),
) -> dict[str, Agreement]:
    """Compare parses caption by caption.

    Args:
        first: gold, or one of two parsers.
        second: prediction, or the other one.
        kinds: which kinds are compared.

    Raises:
        InputError: if the numbers of captions differ.
    """
    if len(first) != len(second):
        raise InputError(f"expected parses of the same captions, got {len(first)} and {len(second)}")
    result = {}
    for kind in kinds:
        both = total_first = total_second = 0
        only_first, only_second = Counter[str](), Counter[str]()
        for one, other in zip(first, second, strict=True):
            a, b = ({comparable(tag) for tag in parse.tags(kind)} - {""} for parse in (one, other))
            both, total_first, total_second = both + len(a & b), total_first + len(a), total_second + len(b)
            only_first.update(a - b)
            only_second.update(b - a)
        result[kind] = Agreement(both, total_first, total_second, only_first, only_second)
    return result
