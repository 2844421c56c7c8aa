"""SPICE on our own scene graphs: how much of what a caption says do people say, and the other way round.

The metric's formula is the paper's; its parser (Stanford's, in Java) is replaced by ``tags.caption_graph``, so values are
near its protocol, not equal, and stand in results as ``spice_own``. Its synonyms come from WordNet, which is read where the
user has it (``tags.wordnet``); without it words match as their lemmas.

Reference: Anderson et al., SPICE, arXiv:1607.08822, section 3.
"""

import math
from collections.abc import Callable, Sequence
from functools import cache

from tagalign.tags.caption_graph import CaptionGraph, GraphReader

NAME = "spice_own"

Alike = Callable[[str, str], bool]
"""Whether two words mean the same."""


def same_word(a: str, b: str) -> bool:
    """Equality: what there is without a word list."""
    return a == b


def spice(candidate: CaptionGraph, references: Sequence[CaptionGraph], *, alike: Alike = same_word) -> float:
    """``F1`` of the tuples that a caption shares with those of all references together.

    ``P = |T(c) (x) T(S)| / |T(c)|``, ``R = |T(c) (x) T(S)| / |T(S)|``, where T lists objects, ``(object, attribute)`` and
    ``(subject, relation, object)``, and (x) pairs tuples of equal length whose words are alike, each at most once.

    Args:
        candidate: what a model says.
        references: what people say; things that several name are one.
        alike: synonyms; they also make two tuples of one graph one.

    Returns:
        In [0, 1]; 0 where the candidate or the references say nothing.
    """
    own, truth = said([candidate], alike), said(references, alike)
    matched = matches(own, truth, alike)
    return 2 * matched / (len(own) + len(truth)) if matched else 0.0


def said(graphs: Sequence[CaptionGraph], alike: Alike) -> list[tuple[str, ...]]:
    """All tuples of some graphs, each once; of words that are alike the first stands for the others."""
    stands: dict[str, str] = {}
    for word in (word for graph in graphs for one in graph.tuples() for word in one):
        if word not in stands:
            stands[word] = next((known for known in stands.values() if alike(known, word)), word)
    return list(
        dict.fromkeys(tuple(stands[word] for word in one) for graph in graphs for one in graph.tuples())
    )


def matches(own: Sequence[tuple[str, ...]], truth: Sequence[tuple[str, ...]], alike: Alike) -> int:
    """How many tuples of one list have one of their own in the other: equal ones first, then those alike, in order."""
    equal = set(own) & set(truth)
    left = [one for one in truth if one not in equal]
    count = len(equal)
    for one in own:
        if one in equal:
            continue
        partner = next((other for other in left if _alike(one, other, alike)), None)
        if partner is not None:
            left.remove(partner)
            count += 1
    return count


def _alike(one: tuple[str, ...], other: tuple[str, ...], alike: Alike) -> bool:
    return len(one) == len(other) and all(alike(a, b) for a, b in zip(one, other, strict=True))


def spice_scores(
    candidates: Sequence[str], references: Sequence[Sequence[str]], *, alike: Alike = same_word
) -> list[float]:
    """SPICE of every image from plain sentences; a corpus score is their mean.

    Args:
        candidates: one caption per image.
        references: captions of people for each image.
        alike: synonyms.
    """
    texts = [text for own, truths in zip(candidates, references, strict=True) for text in (own, *truths)]
    graphs = iter(_reader().read(texts))
    scores = []
    for truths in references:
        own = next(graphs)
        scores.append(spice(own, [next(graphs) for _ in truths], alike=alike))
    return scores


@cache
def _reader() -> GraphReader:
    """One for the process: rows are also scored one by one."""
    return GraphReader()


def mean(scores: Sequence[float]) -> float:
    """Their mean; NaN without images."""
    return math.fsum(scores) / len(scores) if scores else math.nan
