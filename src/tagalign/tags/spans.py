"""Labelled rows to tags and pairs: where tags begin and end is found for all captions at once, the rest one by one."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int

from tagalign.tags.alignment import LEFT, OBJECT_IN, RIGHT
from tagalign.tags.parses import ParsedCaption
from tagalign.tags.tagger import LabelledRow

_EMPTY = ParsedCaption()


@dataclass(frozen=True, eq=False)
class Spans:
    """Tags of one kind in a labelled row, in reading order.

    Attributes:
        texts: in the words of the captions.
        begins: of each in the row.
    """

    texts: list[str]
    begins: Int[np.ndarray, " spans"]


def decode_row(
    row: LabelledRow, object_of: Mapping[str, str], attribute_of: Mapping[str, str]
) -> list[ParsedCaption]:
    """Tags and pairs of every caption of a row.

    Args:
        row: an inside label without a beginning begins a tag.
        object_of: words of a caption to the object they name; "" where they name none.
        attribute_of: likewise for attributes.

    Returns:
        Tags in reading order. An attribute is paired with the next object, or with the last one before it if its
        label points back or no object follows.
    """
    objects, attributes = find_spans(row)
    names = list(map(object_of.__getitem__, objects.texts))
    properties = list(map(attribute_of.__getitem__, attributes.texts))
    before = np.searchsorted(
        objects.begins, attributes.begins
    ).tolist()  # objects of the row before each of them
    forward = (row.labels[attributes.begins] < LEFT).tolist()
    ends = [*row.starts.tolist(), len(row.words)]
    of_caption = np.searchsorted(objects.begins, ends).tolist()
    with_property = np.searchsorted(attributes.begins, ends).tolist()
    found = list[ParsedCaption]()
    for (a, b), (c, d) in zip(itertools.pairwise(of_caption), itertools.pairwise(with_property), strict=True):
        if c == d:
            found.append(_objects_only(names[a:b]) if a < b else _EMPTY)
        else:
            own = [(properties[i], before[i] - a, forward[i]) for i in range(c, d) if properties[i]]
            found.append(tie(names[a:b], own))
    return found


def find_spans(row: LabelledRow) -> tuple[Spans, Spans]:
    """Objects and attributes of a row."""
    at = np.flatnonzero(row.labels)
    marks = row.labels[at]
    is_object = marks <= OBJECT_IN
    follows = np.zeros(len(at), dtype=bool)  # the token before has a label of the same kind
    follows[1:] = (at[1:] == at[:-1] + 1) & (is_object[1:] == is_object[:-1])
    inside = np.where(is_object, marks == OBJECT_IN, (marks != RIGHT) & (marks != LEFT))
    begins = ~(follows & inside)
    return _spans(row, at, begins, is_object), _spans(row, at, begins, ~is_object)


def _spans(
    row: LabelledRow,
    at: Int[np.ndarray, " marked"],
    begins: Bool[np.ndarray, " marked"],
    kind: Bool[np.ndarray, " marked"],
) -> Spans:
    first = np.flatnonzero(begins)
    lengths = np.diff(np.append(first, len(at)))
    own = kind[first]
    places, lengths = at[first[own]], lengths[own]
    texts = [
        row.words[start] if length == 1 else " ".join(row.words[start : start + length])
        for start, length in zip(places.tolist(), lengths.tolist(), strict=True)
    ]
    return Spans(texts, places)


def _objects_only(names: list[str]) -> ParsedCaption:
    return ParsedCaption(tuple(dict.fromkeys(filter(None, names))))


def tie(names: list[str], attributes: list[tuple[str, int, bool]]) -> ParsedCaption:
    """Tie each attribute to an object.

    Args:
        names: of the objects in reading order; those that are "" are none.
        attributes: name, number of ``names`` before it, and whether it looks forward.
    """
    if not attributes:
        return _objects_only(names)
    if not all(names):
        kept = [0, *itertools.accumulate(map(bool, names))]  # how many of the objects before a place stay
        attributes = [(name, kept[place], forward) for name, place, forward in attributes]
        names = [name for name in names if name]
    return ParsedCaption(
        tuple(dict.fromkeys(names)),
        tuple(dict.fromkeys([name for name, _, _ in attributes])),
        _pairs(names, attributes) if names else (),
    )


def _pairs(objects: list[str], attributes: list[tuple[str, int, bool]]) -> tuple[tuple[str, str], ...]:
    pairs = dict[tuple[str, str], None]()
    for name, place, forward in attributes:
        owner = place if (forward and place < len(objects)) or place == 0 else place - 1
        pairs[objects[owner], name] = None
    return tuple(pairs)
