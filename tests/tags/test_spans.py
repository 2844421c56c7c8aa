"""Tags of many captions at once equal those of a walk along one caption, token by token."""

import random
import string

import numpy as np
import pytest

from tagalign.tags.alignment import LEFT, LEFT_IN, OBJECT, OBJECT_IN, RIGHT, RIGHT_IN
from tagalign.tags.parses import ParsedCaption
from tagalign.tags.spans import decode_row
from tagalign.tags.tagger import REACH, LabelledRow


class Names(dict):
    """Every word names itself, but for those with a z, which are no tags."""

    def __missing__(self, words: str) -> str:
        return "" if "z" in words else words


def walk(tokens: list[str], labels: list[int]) -> ParsedCaption:
    """The rule in one loop."""
    objects, attributes = [], []
    before = 0
    for word, label in zip(tokens, labels, strict=True):
        kind = 0 if not label else 1 if label <= OBJECT_IN else 2
        goes_on = label == OBJECT_IN if kind == 1 else label in (RIGHT_IN, LEFT_IN)
        if kind and goes_on and before == kind:
            (objects[-1] if kind == 1 else attributes[-1])[0] += f" {word}"
        elif kind == 1:
            objects.append([word])
        elif kind == 2:
            attributes.append([word, len(objects), label in (RIGHT, RIGHT_IN)])
        before = kind
    places = [sum("z" not in name for (name,) in objects[:i]) for i in range(len(objects) + 1)]
    names = [name for (name,) in objects if "z" not in name]
    kept = [(name, places[i], forward) for name, i, forward in attributes if "z" not in name]
    pairs = []
    for name, i, forward in kept if names else ():
        owner = i if (forward and i < len(names)) or i == 0 else i - 1
        pairs.append((names[owner], name))
    unique = (dict.fromkeys(names), dict.fromkeys(name for name, _, _ in kept), dict.fromkeys(pairs))
    return ParsedCaption(*map(tuple, unique))


def row_of(captions: list[tuple[list[str], list[int]]]) -> LabelledRow:
    words, labels, starts = [], [], []
    for tokens, marks in captions:
        words += [""] * REACH
        labels += [0] * REACH
        starts.append(len(words))
        words += tokens
        labels += marks
    return LabelledRow(
        words=[*words, *[""] * REACH], labels=np.array([*labels, *[0] * REACH]), starts=np.array(starts)
    )


def test_random_captions_equal_a_walk_along_each():
    rng = random.Random(0)
    captions = []
    for _ in range(500):
        size = rng.randrange(9)
        tokens = [rng.choice(string.ascii_lowercase[-6:]) for _ in range(size)]
        captions.append((tokens, [rng.randrange(7) for _ in range(size)]))
    found = decode_row(row_of(captions), Names(), Names())
    assert found == [walk(*caption) for caption in captions]
    assert any(parse.pairs for parse in found)


@pytest.mark.parametrize(
    ("tokens", "labels", "expected"),
    [
        ([], [], ParsedCaption()),
        (["a", "b"], [0, 0], ParsedCaption()),
        (["fire", "truck"], [OBJECT, OBJECT_IN], ParsedCaption(("fire truck",))),
        (["fire", "truck"], [OBJECT, OBJECT], ParsedCaption(("fire", "truck"))),
        (["red", "car"], [RIGHT, OBJECT], ParsedCaption(("car",), ("red",), (("car", "red"),))),
        (["car", "red"], [OBJECT, LEFT], ParsedCaption(("car",), ("red",), (("car", "red"),))),
        (["red"], [RIGHT], ParsedCaption((), ("red",))),
        (["z", "red", "car"], [OBJECT, LEFT, OBJECT], ParsedCaption(("car",), ("red",), (("car", "red"),))),
    ],
)  # fmt: skip
def test_single_captions(tokens, labels, expected):
    assert decode_row(row_of([(tokens, labels)]), Names(), Names()) == [expected]


def test_the_tags_of_one_caption_never_go_on_in_the_next():
    captions = [(["red"], [RIGHT]), (["car"], [OBJECT_IN]), ([], []), (["blue"], [LEFT_IN])]
    found = decode_row(row_of(captions), Names(), Names())
    assert found == [
        ParsedCaption((), ("red",)),
        ParsedCaption(("car",)),
        ParsedCaption(),
        ParsedCaption((), ("blue",)),
    ]
