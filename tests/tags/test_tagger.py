"""The tagger of words and viterbi against slow, independent versions; the packaged parser against plain English.

Holds ``tags/distilled.py``.
"""

import itertools

import numpy as np
import pytest

from tagalign.errors import ModelError
from tagalign.tags import load_parser
from tagalign.tags.distilled import PACKAGED_MODEL, DistilledParser
from tagalign.tags.tagger import WordTagger, piece_buckets, viterbi

LABELS = 7


def brute_force(scores, transitions, first):
    """The best row of labels by trying all."""
    rows = itertools.product(range(scores.shape[1]), repeat=len(scores))

    def value(row):
        steps = sum(transitions[a, b] for a, b in itertools.pairwise(row))
        return first[row[0]] + steps + sum(scores[i, y] for i, y in enumerate(row))

    return list(max(rows, key=value))


def test_viterbi_finds_the_best_of_all_rows():
    rng = np.random.default_rng(0)
    lengths = np.array([3, 0, 1, 5, 4])
    starts = np.array([1, 4, 5, 7, 13])
    scores = rng.normal(size=(18, 3)).astype(np.float32)
    transitions, first = rng.normal(size=(3, 3)).astype(np.float32), rng.normal(size=3).astype(np.float32)
    labels = viterbi(scores, starts, lengths, transitions, first)
    for start, length in zip(starts, lengths, strict=True):
        if length:
            expected = brute_force(scores[start : start + length], transitions, first)
            assert labels[start : start + length].tolist() == expected


def tiny_weights(rng, dim=4, width=5, words=6, buckets=8):
    shapes = {
        "words": (words, dim), "pieces": (buckets, dim), "conv0.weight": (5, dim, width), "conv0.bias": (width,),
        "conv1.weight": (3, width, width), "conv1.bias": (width,), "out.weight": (width, LABELS),
        "out.bias": (LABELS,), "transitions": (LABELS, LABELS), "first": (LABELS,),
    }  # fmt: skip
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


WORDS = {"<blank>": 0, "<unknown>": 1, "a": 2, "red": 3, "car": 4, "tree": 5}


def slow_scores(tokens, words, weights):
    """The network one token and one caption at a time."""
    embed = [
        weights["words"][words.get(t, 1)]
        + sum(weights["pieces"][b] for b in piece_buckets(t, len(weights["pieces"])))
        for t in tokens
    ]

    def conv(rows, weight, bias):
        reach = len(weight) // 2
        out = []
        for i in range(len(rows)):
            total = bias.astype(np.float64)
            for tap in range(len(weight)):
                if 0 <= i + tap - reach < len(rows):
                    total = total + rows[i + tap - reach] @ weight[tap]
            out.append(np.maximum(total, 0))
        return out

    hidden = conv(embed, weights["conv0.weight"], weights["conv0.bias"])
    more = conv(hidden, weights["conv1.weight"], weights["conv1.bias"])
    return np.array(
        [(h + m) @ weights["out.weight"] + weights["out.bias"] for h, m in zip(hidden, more, strict=True)]
    )


def test_labels_equal_a_slow_network_and_do_not_depend_on_the_batch():
    rng = np.random.default_rng(1)
    weights = tiny_weights(rng)
    captions = [["a", "red", "car"], [], ["zebra"], ["tree", "a", "tree", "red", "x9"]]
    expected = [
        brute_force(slow_scores(tokens, WORDS, weights), weights["transitions"], weights["first"])
        if tokens
        else []
        for tokens in captions
    ]
    tagger = WordTagger(WORDS, weights)
    assert tagger.label(captions) == expected
    assert [tagger.label([tokens])[0] for tokens in captions] == expected
    assert tagger.label([]) == []


@pytest.mark.parametrize("name", ["words", "conv1.weight", "out.bias", "transitions"])
def test_tensors_that_do_not_fit_are_refused(name):
    weights = tiny_weights(np.random.default_rng(0))
    with pytest.raises(ModelError, match=r"lacks|fit"):
        WordTagger(WORDS, {n: w for n, w in weights.items() if n != name})
    with pytest.raises(ModelError, match="fit"):
        WordTagger(WORDS, weights | {name: weights[name][:-1]})


def test_folders_that_are_no_parser_are_refused(tmp_path):
    with pytest.raises(ModelError, match="is not a distilled parser"):
        DistilledParser(tmp_path)


def test_packaged_model_is_small():
    assert sum(path.stat().st_size for path in PACKAGED_MODEL.iterdir()) <= 3_000_000


@pytest.mark.parametrize(
    ("caption", "objects", "attributes"),
    [
        ("a red car on the grass", {"car", "grass"}, {"red"}),
        ("two dogs playing on a sandy beach", {"dogs", "beach"}, {"sandy"}),
        ("the bus is blue and the sky is cloudy", {"bus", "sky"}, {"blue", "cloudy"}),
        ("", set(), set()),
        ("猫", set(), set()),
    ],
)
def test_plain_english(caption, objects, attributes):
    parse = load_parser("distilled").parse([caption])[0]
    assert set(parse.objects) == objects
    assert set(parse.attributes) >= attributes
