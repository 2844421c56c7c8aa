"""Words that exclude and words that belong together, for every tagger and every segmenter: one meaning, from one place.

Holds ``methods/label_rows.py`` and ``methods/choosing.py``.
"""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from tagalign.data.tiny_world import OBJECTS, TinyWorld
from tagalign.errors import InputError
from tagalign.methods.choosing import choose_labels
from tagalign.methods.label_rows import beaten, best_rows, lost_labels, mean_rows
from tagalign.methods.load import load_method
from tagalign.methods.looks.facts import refuse_other_labels
from tagalign.methods.looks.files import read_look, write_look
from tagalign.methods.looks.look import Look, Photos
from tagalign.methods.looks.profiles import look_profile
from tagalign.methods.table import METHODS, methods
from tagalign.methods.thresholds import Threshold
from tagalign.ops.looks.moments import Moments
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
        if hasattr(views, "embed"):  # the whole image is the one point
            points = [views.embed[None]]
        else:
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


def test_wrong_tags_of_named_pairs_fall_by_half_on_drawn_scenes():
    """The claim of docs/results/words.md, small: pairs of validation scenes, counted on test scenes."""
    model = load_method("tiny", method="maskclip")
    pairs = {"tulip": "car", "fern": "car", "bird": "house"}
    asked = list(OBJECTS[::2])
    assert set(pairs) <= set(asked)
    assert not set(pairs.values()) & set(asked)
    plain = model.encode_labels(load_label_set(asked))
    worded = model.encode_labels(
        load_label_set([f"{one}; not {pairs[one]}" if one in pairs else one for one in asked])
    )
    before = after = 0
    for scene in TinyWorld(seed=0, split="test").take(60):
        there = {one.name for one in scene.instances}
        mistaken = [a for a, b in pairs.items() if b in there and a not in there]
        if mistaken:
            image = model.encode_images([Image.fromarray(scene.image)])[0]
            before += len(set(model.tag(image, plain).tags) & set(mistaken))
            after += len(set(model.tag(image, worded).tags) & set(mistaken))
    assert before >= 5
    assert after <= before / 2


def test_tag2text_knows_negatives_by_its_own_tags(scene):
    method = load_method("tiny", method="tag2text")
    image = method.encode_images([scene])[0]
    names = method.label_set.names[:12]
    plain = method.tag(image, method.encode_labels(load_label_set(list(names))))
    (best, high), *_, (worst, low) = plain.top(12)
    assert high > low
    lines = [
        f"{one}; not {best}" if one == worst else f"{one}; not {worst}" if one == best else one
        for one in names
    ]
    found = method.tag(image, method.encode_labels(load_label_set(lines)))
    assert found.scores[names.index(worst)] == 0.0
    assert worst not in found.tags
    assert found.scores[names.index(best)] == pytest.approx(high, abs=1e-6)
    with pytest.raises(InputError, match="'xqzvwk' is not among"):
        method.encode_labels(load_label_set([f"{best}; not xqzvwk"]))


def test_embeddings_of_negatives_are_kept_and_an_older_entry_stays_what_it_is(tmp_path):
    method = load_method("tiny", method="tagclip", text_cache=tmp_path)
    plain, worded = load_label_set(["dog", "car"]), load_label_set(["dog; not wolf, fox", "car"])
    assert method.encode_labels(plain).negatives is None
    first, again = method.encode_labels(worded), method.encode_labels(worded)
    assert len(list((tmp_path / "text").iterdir())) == 2
    assert again.negatives is not None
    assert torch.equal(first.negatives.embeds, again.negatives.embeds)
    assert again.negatives.owners.tolist() == [0, 0]


def test_a_look_holds_for_its_words_alone(tmp_path):
    worded = load_label_set("[pet, one]\ndog; not wolf\ncat")
    scores = torch.tensor([[0.2, 0.4], [0.3, 0.1]])
    look = Look(
        facts={},
        labels=worded,
        profile=look_profile("fixed"),
        photos=Photos(count=2, mark=1),
        moments=Moments.of(scores.double().numpy()),
    )
    write_look(tmp_path, look)
    assert read_look(tmp_path).labels == worded
    other = replace(look, labels=load_label_set("[pet, one]\ndog; not fox\ncat"))
    assert other.mark() != look.mark()
    with pytest.raises(InputError, match="other words"):
        refuse_other_labels(look, other.labels, "x")
    with pytest.raises(InputError, match="groups"):
        refuse_other_labels(look, replace(worded, groups=()), "x")
