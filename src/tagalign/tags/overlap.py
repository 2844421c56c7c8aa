"""How much of other label sets a vocabulary or a list of names holds (Tag2Text, Tables 8 and 9)."""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from tagalign.tags.label_sets import label_set_names, load_label_set
from tagalign.tags.normalize import normalize_tag
from tagalign.tags.vocabulary import TagVocabulary


@dataclass(frozen=True, slots=True)
class Overlap:
    """One row of the table.

    Attributes:
        label_set: its name.
        original: labels of the set.
        overlapping: those of them that the vocabulary holds, under their name or an alias.
        missing: names of the others, at most 20.
    """

    label_set: str
    original: int
    overlapping: int
    missing: tuple[str, ...]


PUBLISHED: Mapping[str, tuple[int, int]] = {
    "openimages": (19_982, 1988),
    "coco91": (91, 73),
    "imagenet": (1000, 358),
    "cifar100": (120, 94),
    "hico": (117, 90),
    "vcoco": (23, 26),
    "hoi-w": (9, 9),
}
"""Labels, and those of them among Tag2Text's 3,429 tags (arXiv:2303.05657, Tables 8 and 9, as printed: V-COCO's 26 actions
stand in the row of what overlaps)."""


def overlap(vocabulary: TagVocabulary, labels: Sequence[Sequence[str]], *, name: str = "labels") -> Overlap:
    """Count the labels that a vocabulary holds.

    Args:
        vocabulary: any kinds.
        labels: per label its name and its aliases.
        name: of the label set.
    """
    return _counted({tag for _, tag in vocabulary.ids}, labels, name)


def overlap_of_names(
    names: Iterable[str], labels: Sequence[Sequence[str]], *, name: str = "labels"
) -> Overlap:
    """Counts the labels that a list of names holds; both sides also count in canonical form ("Cars" is "car").

    Args:
        names: the list.
        labels: per label its name and its aliases.
        name: of the label set.
    """
    return _counted({form for one in names for form in _forms([one])}, labels, name)


def held(names: Iterable[str], labels: Sequence[Sequence[str]]) -> tuple[int, ...]:
    """Places of the labels that a list of names holds; see ``overlap_of_names``."""
    known = {form for one in names for form in _forms([one])}
    return tuple(i for i, words in enumerate(labels) if not known.isdisjoint(_forms(words)))


def _counted(known: AbstractSet[str], labels: Sequence[Sequence[str]], name: str) -> Overlap:
    missing = [words[0] for words in labels if known.isdisjoint(_forms(words))]
    return Overlap(name, len(labels), len(labels) - len(missing), tuple(missing[:20]))


def _forms(words: Sequence[str]) -> set[str]:
    kinds = ("object", "action", "attribute")
    return {word.lower() for word in words} | {
        normalize_tag(word, kind) for word in words for kind in kinds
    } - {""}


def overlap_table(vocabulary: TagVocabulary, label_sets: Sequence[str] = ()) -> list[Overlap]:
    """Overlaps with label sets by name or file; with all that are shipped where none is named.

    Raises:
        InputError: if a label set is unknown or cannot be read.
    """
    rows = []
    for spec in label_sets or label_set_names():
        labels = load_label_set(spec).labels
        # a shipped set also counts under its readable names and aliases: "kite" is read as "flying kite" there
        others = labels if label_sets else load_label_set(f"{spec}:aliases").labels
        words = [
            (one.name, other.name, *one.aliases, *other.aliases)
            for one, other in zip(labels, others, strict=True)
        ]
        rows.append(overlap(vocabulary, words, name=spec))
    return rows
