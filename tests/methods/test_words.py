"""Words that exclude and words that belong together, for every tagger and every segmenter: one meaning, from one place.

Holds ``methods/label_rows.py`` and ``methods/choosing.py``.
"""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from tagalign.data.tiny_world import TinyWorld
from tagalign.methods.choosing import choose_labels
from tagalign.methods.label_rows import beaten, best_rows, lost_labels, mean_rows
from tagalign.methods.load import load_method
from tagalign.methods.table import METHODS, methods
from tagalign.methods.thresholds import Threshold
from tagalign.tags.label_sets import load_label_set
from tagalign.types import EncodedLabels, Negatives

TAGGERS = [name for name in methods(can="tag") if not (METHODS[name].trained_by or METHODS[name].needs_look)]
SEGMENTERS = [name for name in TAGGERS if "segment" in METHODS[name].can]
NAMES = ("dog", "car", "tree", "house", "bird")


@pytest.fixture(scope="module")
def scene():
    """A bird, a house and a car among them: what matters is that several labels come out."""
    return Image.fromarray(TinyWorld(seed=1, split="test")[3].image)


@pytest.fixture(scope="module")
def opened(scene):
    """Each method with the scene encoded, made when a test asks for it."""
    kept = {}

    def of(name):
        if name not in kept:
            method = load_method("tiny", method=name)
            kept[name] = method, method.encode_images([scene])[0]
        return kept[name]

    return of


def encoded(words, dim=6, seed=0):
    """Random labels with two words and a negative each."""
    generator = torch.Generator().manual_seed(seed)
    rows = F.normalize(torch.randn(3 * words, dim, generator=generator), dim=-1)
    owners = torch.arange(words)
    return EncodedLabels(
        method="x",
        label_set=load_label_set([f"w{i}: a{i}; not n{i}" for i in range(words)]),
        embeds=rows[: 2 * words],
        owners=torch.cat([owners, owners]),
        background=rows[:0],
        negatives=Negatives(embeds=rows[2 * words :], owners=owners),
    )


def test_rules_are_those_of_a_plain_loop():
    labels, points = encoded(4), torch.randn(9, 6, generator=torch.Generator().manual_seed(1))
    cosine = torch.nn.functional.cosine_similarity
    found = beaten(points, labels)
    for i in range(4):
        own = [max(float(cosine(p, labels.embeds[k], dim=0)) for k in (i, i + 4)) for p in points]
        theirs = [float(cosine(p, labels.negatives.embeds[i], dim=0)) for p in points]
        assert found[i].tolist() == [a < b for a, b in zip(own, theirs, strict=True)]
        assert bool(lost_labels([points[:5], points[5:]], labels)[i]) == (max(own) < max(theirs))
    assert not lost_labels([points], replace(labels, negatives=None)).any()
    assert not beaten(points, replace(labels, negatives=None)).any()


def test_rows_are_folded_by_their_owners():
    rows, owners = torch.tensor([[1.0, 5.0], [2.0, 1.0], [0.0, 9.0]]), torch.tensor([0, 0, 2])
    assert best_rows(rows, owners, 3, floor=-1.0).tolist() == [[2.0, 5.0], [-1.0, -1.0], [0.0, 9.0]]
    embeds = F.normalize(rows, dim=-1)
    expected = F.normalize(embeds[:2].mean(dim=0), dim=0)
    torch.testing.assert_close(mean_rows(embeds, owners, 3)[0], expected)
    assert torch.equal(mean_rows(embeds, torch.arange(3), 3), embeds)


@pytest.mark.parametrize("name", TAGGERS)
def test_synonyms_never_yield_two_tags(opened, name):
    method, image = opened(name)
    plain = method.tag(image, method.encode_labels(load_label_set(list(NAMES))))
    first, *others = plain.top(3)
    words = ", ".join(other for other, _ in others)
    rest = [one for one in NAMES if one not in {first[0], *(other for other, _ in others)}]
    joined = method.tag(image, method.encode_labels(load_label_set([f"{first[0]}: {words}", *rest])))
    assert joined.names == (first[0], *rest)
    assert joined.tags[0] == first[0]
    assert len(set(joined.tags)) == len(joined.tags)
    assert joined.scores[0] >= plain.scores[plain.names.index(first[0])] - 1e-6


@pytest.mark.parametrize("name", TAGGERS)
def test_a_negative_silences_its_label_alone_and_never_comes_out(opened, name):
    method, image = opened(name)
    for threshold in ("relative:0.5", "top:5"):
        plain = method.tag(image, method.encode_labels(load_label_set(list(NAMES))))
        order = [label for label, _ in plain.top(5)]
        # the label of the best cosine excludes the others, so what it excludes is certain to lose or to stay
        lines = [f"{one}; not {order[0]}" if one == order[-1] else one for one in NAMES]
        labels = method.encode_labels(load_label_set(lines))
        found = method.tag(image, labels)
        views = image.tags if name == "gated" else image
        points = [view.embeds for view in views.views] if hasattr(views, "views") else [views.embeds]
        gone = [one for one, is_lost in zip(NAMES, lost_labels(points, labels), strict=True) if is_lost]
        assert gone in ([], [order[-1]])
        for label, before, after in zip(NAMES, plain.scores, found.scores, strict=True):
            assert after == (0.0 if label in gone else pytest.approx(before, abs=1e-6))
        chosen = choose_labels(Threshold(kind="top", value=5), found.scores, labels.label_set)
        assert not {found.names[i] for i in chosen} & set(gone)
        assert found.names == NAMES, threshold


@pytest.mark.parametrize("name", SEGMENTERS)
def test_pixels_of_a_negative_are_not_the_labels(opened, scene, name):
    method, image = opened(name)
    plain = method.segment(image, method.encode_labels(load_label_set(list(NAMES))), photo=scene)
    winner = next(one for one in plain.shares() if one in NAMES)
    lines = [f"{one}; not thing, picture, {one}s" if one == winner else one for one in NAMES]
    labels = method.encode_labels(load_label_set(lines))
    found = method.segment(image, labels, photo=scene)
    assert found.names == plain.names
    mine, before = found.labels == found.names.index(winner), plain.labels == plain.names.index(winner)
    if name not in {"gated", "cls-seg"}:  # there the tags change too
        assert float((mine & ~before).float().mean()) < 0.001
        # as many prompts as before and more are padded alike or not, so a tie may turn
        assert int((found.labels != plain.labels)[~before].sum()) <= 0.001 * before.numel()


@pytest.mark.parametrize("name", ["maskclip", "sclip"])
def test_heat_maps_are_zero_where_the_negative_is_hotter(opened, name):
    method, image = opened(name)
    both = method.heat_maps(image, method.encode_labels(load_label_set(["dog", "car"])))
    found = method.heat_maps(image, method.encode_labels(load_label_set(["dog; not car", "car"])))
    clear = (both[1] - both[0]).abs() > 1e-5  # prompts in batches of other sizes differ in the last digits
    expected = both[0].masked_fill(both[1] > both[0], 0)
    torch.testing.assert_close(found[0][clear], expected[clear])
    torch.testing.assert_close(found[1], both[1])


def test_groups_let_one_out_and_are_asked_in_their_order():
    labels = load_label_set(
        "[kind]\ndog\ncat\n[breed, one, under kind]\npoodle\nbeagle\n[coat, under breed]\nlong\n[]\ncar"
    )
    everything = Threshold(kind="absolute", value=0.5)
    scores = {"dog": 0.9, "cat": 0.1, "poodle": 0.7, "beagle": 0.8, "long": 0.6, "car": 0.95}

    def tags(**changed):
        values = [(scores | changed)[name] for name in labels.names]
        return [labels.names[i] for i in choose_labels(everything, values, labels)]

    assert tags() == ["car", "dog", "beagle", "long"]
    assert tags(dog=0.2) == ["car"]  # no kind, so no breed, so no coat
    assert tags(poodle=0.1, beagle=0.1) == ["car", "dog"]
    assert tags(cat=0.92) == ["car", "cat", "dog", "beagle", "long"]


def test_a_lone_label_that_lost_is_not_chosen_as_the_best():
    labels = load_label_set(["cup; not trophy"])
    for kind in ("relative", "top", "absolute"):
        assert choose_labels(Threshold(kind=kind, value=1.0 if kind == "top" else 0.0), [0.0], labels) == ()
