"""Which labels a sentence names, by spelling; longer names first, so that "hot dog" is no "dog".

Reference: the matching of SPARC's release, Miller et al., CVPR 2025, arXiv:2502.16911.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from tagalign.labels import LabelSet

IRREGULAR = (
    ("person", "people"),
    ("child", "children"),
    ("man", "men"),
    ("foot", "feet"),
    ("goose", "geese"),
    ("mouse", "mice"),
    ("die", "dice"),
    ("tooth", "teeth"),
    ("louse", "lice"),
    ("leaf", "leaves"),
    ("wolf", "wolves"),
    ("knife", "knives"),
    ("cactus", "cacti"),
    ("shelf", "shelves"),
    ("calf", "calves"),
)
"""Plurals that no ending makes."""

VOC_WORDS = ("potted plant", "dining table", "tv monitor")
"""VOC writes these as one word."""


def members_of(
    prompts: Sequence[str], names: Sequence[str], *, voc_spelling: bool = False
) -> list[tuple[int, ...]]:
    """Ids of the prompts that name each label.

    Args:
        prompts: sentences.
        names: of the labels.
        voc_spelling: names of VOC are one word where people write two.

    >>> members_of(["a hot dog", "two dogs and people"], ["dog", "hot dog", "person"])
    [(1,), (0,), (1,)]
    """
    named = [labels_named(prompt, names, voc_spelling=voc_spelling) for prompt in prompts]
    return [tuple(i for i, labels in enumerate(named) if label in labels) for label in range(len(names))]


def members_by_label(prompts: Sequence[str], labels: LabelSet) -> list[tuple[int, ...]]:
    """``members_of`` labels that may have other words."""
    owners, words = label_words(labels)
    by_label: list[set[int]] = [set() for _ in labels.labels]
    for owner, ids in zip(owners, members_of(prompts, words), strict=True):
        by_label[owner] |= set(ids)
    return [tuple(sorted(ids)) for ids in by_label]


def label_words(labels: LabelSet) -> tuple[list[int], list[str]]:
    """Names and other words of labels, and which label each means."""
    pairs = [(i, word) for i, label in enumerate(labels.labels) for word in (label.name, *label.aliases)]
    return [i for i, _ in pairs], [word for _, word in pairs]


def labels_named(prompt: str, names: Sequence[str], *, voc_spelling: bool = False) -> frozenset[int]:
    """Ids of the labels that a sentence names."""
    text = _letters(prompt)
    if voc_spelling:
        for words in VOC_WORDS:
            text = text.replace(words, words.replace(" ", ""))
    by_word = _spellings(tuple(names))
    found = set()
    for _, spelling, i in sorted({one for word in set(text.split()) for one in by_word.get(word, ())}):
        while f" {spelling} " in text:
            found.add(i)
            # blanked, so that the words of a longer name are not found again
            text = text.replace(f" {spelling} ", " " * (len(spelling) + 2))
    return frozenset(found)


@lru_cache(maxsize=4)
def _spellings(names: tuple[str, ...]) -> dict[str, list[tuple[int, str, int]]]:
    """Place in the order of matching, spelling and label of every form of every name, by its first word.

    A name without letters ("42") has none: a blank would be found in blanks without end.
    """
    letters = sorted(
        ((_letters(name).strip(), i) for i, name in enumerate(names)), key=lambda pair: -len(pair[0])
    )
    forms = ((form, i) for name, i in letters if name for form in variants(name))
    by_word: dict[str, list[tuple[int, str, int]]] = {}
    for place, (form, i) in enumerate(forms):
        by_word.setdefault(form.split()[0], []).append((place, form, i))
    return by_word


def variants(name: str) -> Iterable[str]:
    """A name as it is, without a final s, with s and es, and with irregular plurals inside; longest first."""
    forms = {name, f"{name}s", f"{name}es", *([name[:-1]] if name.endswith("s") and len(name) > 1 else [])}
    for one, many in IRREGULAR:
        # inside words too: women
        forms |= {name.replace(one, many), name.replace(many, one)}
    return sorted(forms, key=lambda form: (-len(form), form))


def _letters(text: str) -> str:
    """Lower case, everything but letters a blank, one blank on either side and between words."""
    words = re.sub(r"[\W\d_]+", " ", text.lower()).split()
    return f" {' '.join(words)} "
