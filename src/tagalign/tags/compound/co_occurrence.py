"""Compound prompts from tag shards: labels that captions name together, "a bus and a person" without a photo.

SPARC's release counts in the ground truth of a training set; captions need no labels. ``n`` counts captions.
Reference: Miller et al., CVPR 2025, arXiv:2502.16911.
"""

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

from tagalign.errors import InputError
from tagalign.labels import LabelSet
from tagalign.tags.compound.membership import label_words, labels_named
from tagalign.tags.shards import read_batches, shard_paths

PAIR_LEAST = 0.05
"""Of the captions that name the rarer label, the share that names the other too: ``max(P(B|A), P(A|B))``."""
TRIPLE_LEAST = 0.025
"""Of the captions that name both labels of a pair, the share that names the third too."""


def prompts_of_shards(place: Path, labels: LabelSet) -> tuple[str, ...]:
    """Pairs and triples of labels that captions name together, as prompts.

    Raises:
        InputError: where no two labels are named together often enough.
        DataError: for a place without shards.
    """
    prompts = prompts_of(named_together(shard_paths(place), labels), labels.names)
    if not prompts:
        raise InputError(
            f"--compounds {place}: no two of the {len(labels)} labels are named together there often enough "
            f"(in {PAIR_LEAST:.0%} of the captions of one of them); give shards of other captions, or a list of sentences"
        )
    return prompts


def named_together(paths: Iterable[Path], labels: LabelSet) -> Counter[frozenset[int]]:
    """How many captions name each set of labels; by the objects of their tags."""
    owners, words = label_words(labels)

    @lru_cache(maxsize=65_536)
    def named(tag: str) -> frozenset[int]:
        return frozenset(owners[i] for i in labels_named(tag, words))

    counts: Counter[frozenset[int]] = Counter()
    for path in paths:
        for batch in read_batches(path, columns=["objects"]):
            for objects in batch.column("objects").to_pylist():
                counts[frozenset().union(*map(named, objects or ()))] += 1
    return counts


def prompts_of(counts: Counter[frozenset[int]], names: Sequence[str]) -> tuple[str, ...]:
    """``A and B`` for every pair with ``n(AB) / min(n(A), n(B)) > 0.05``, and ``A, B, and C`` with its best third label.

    A third label needs ``n(ABC) / n(AB) > 0.025``; the first of equals. No triple stands twice.

    Args:
        counts: captions by the set of labels that they name.
        names: of the labels.

    >>> prompts_of(Counter({frozenset({0, 1}): 3, frozenset({0}): 9}), ["dog", "cat"])
    ('dog and cat',)
    """
    single, pairs, triples = (_subsets(counts, size) for size in (1, 2, 3))
    found: dict[tuple[int, ...], str] = {}
    for a, b in sorted(pairs):
        both = pairs[a, b]
        if both <= PAIR_LEAST * min(single[(a,)], single[(b,)]):
            continue
        found[a, b] = f"{names[a]} and {names[b]}"
        thirds = ((triples[tuple(sorted((a, b, c)))], -c) for c in range(len(names)) if c not in (a, b))
        most, third = max(thirds, default=(0, 0))
        if most > TRIPLE_LEAST * both:
            one, two, three = sorted((a, b, -third))
            found[one, two, three] = f"{names[one]}, {names[two]}, and {names[three]}"
    return tuple(found.values())


def _subsets(counts: Counter[frozenset[int]], size: int) -> Counter[tuple[int, ...]]:
    total: Counter[tuple[int, ...]] = Counter()
    for labels, count in counts.items():
        for some in itertools.combinations(sorted(labels), size):
            total[some] += count
    return total
