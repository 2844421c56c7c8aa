"""A look on disk: it comes back as it was, and what it does not hold for is refused in one line.

With it: ``methods/looks/look.py``, ``methods/looks/facts.py``, ``methods/looks/profiles.py``.

Holds ``methods/looks/facts.py``, ``methods/looks/head.py`` and ``methods/looks/look.py``.
"""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from tagalign.errors import InputError
from tagalign.labels import Label, LabelSet
from tagalign.methods.looks.facts import refuse_other_labels, refuse_other_model
from tagalign.methods.looks.files import read_look, write_look
from tagalign.methods.looks.look import Look, Photos, photo_mark
from tagalign.methods.looks.profiles import look_profile
from tagalign.ops.looks.moments import Moments

LABELS = LabelSet(
    name="custom",
    labels=(Label(name="dog", aliases=("hound",)), Label(name="長靴", group="g")),
    background=("wall",),
)


@pytest.fixture
def look():
    rows = np.random.default_rng(0).random((9, 2))
    return Look(
        facts={"method": "clip", "weight_hash": "abc", "short_side": None},
        labels=LABELS,
        profile=look_profile("fixed"),
        photos=Photos(count=9, mark=photo_mark("a.jpg", (3, 4))),
        moments=Moments.of(rows),
        tensors={"bank": torch.arange(6.0).reshape(2, 3)},
    )


def test_a_look_comes_back_as_it_was(tmp_path, look):
    write_look(tmp_path, look)
    for path in (tmp_path, tmp_path / "look.json"):
        found = read_look(path)
        assert found.mark() == look.mark()
        assert (found.labels, found.photos, found.facts) == (look.labels, look.photos, look.facts)
        assert torch.equal(found.tensors["bank"], look.tensors["bank"])


def test_tensors_of_an_older_look_are_taken_away(tmp_path, look):
    write_look(tmp_path, look)
    write_look(tmp_path, replace(look, tensors={"bank": torch.zeros(1)}))
    assert len(list(tmp_path.glob("look-*.safetensors"))) == 1
    write_look(tmp_path, replace(look, tensors={}))
    assert [path.name for path in tmp_path.iterdir()] == ["look.json"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "expected a look that tagalign look wrote"),
        ("[1]", "got something else"),
        ('{"format": "tagalign-look", "version": 2}', "version 2, this release reads version 1"),
        ('{"format": "tagalign-look", "version": 1}', "could not read it"),
    ],
)
def test_what_is_no_look_is_refused(tmp_path, content, said):
    (tmp_path / "look.json").write_text(content)
    with pytest.raises(InputError, match=said):
        read_look(tmp_path)


def test_a_folder_without_a_look_says_how_to_make_one(tmp_path):
    with pytest.raises(InputError, match=r"no look is there.*tagalign look PHOTOS"):
        read_look(tmp_path)
    with pytest.raises(InputError, match="no look is there"):
        read_look(tmp_path / "nowhere")


@pytest.mark.parametrize("change", ["moments", "label_set", "tensors"])
def test_a_look_that_was_changed_is_refused(tmp_path, look, change):
    write_look(tmp_path, look)
    values = json.loads((tmp_path / "look.json").read_text())
    if change == "moments":
        values["moments"]["sums"][0] = "0x1p0"
    elif change == "label_set":
        values["label_set"]["labels"].pop()
    else:
        values["tensors"] = "look-0.safetensors"
    (tmp_path / "look.json").write_text(json.dumps(values))
    with pytest.raises(InputError, match="look"):
        read_look(tmp_path)


def test_another_model_is_named(look):
    with pytest.raises(InputError, match="weights of another model: weight_hash = 'abc', now it is 'xyz'"):
        refuse_other_model(look, {**look.facts, "weight_hash": "xyz"}, "LOOK")
    refuse_other_model(look, dict(look.facts), "LOOK")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"labels": (Label(name="dog"), Label(name="cat"))},
            "other labels.*only there: 長靴; only here: cat",
        ),
        ({"labels": LABELS.labels[::-1]}, "other labels.*their order"),
        ({"background": ()}, "other background words.*only there: wall"),
        ({"templates": ("a {}",)}, "other templates"),
        ({"version": 2}, "other version.*1 there, 2 here"),
    ],
)
def test_other_labels_are_named(look, change, said):
    with pytest.raises(InputError, match=said):
        refuse_other_labels(look, replace(LABELS, **change), "LOOK")
    refuse_other_labels(look, replace(LABELS, name="renamed"), "LOOK")


def test_scores_keep_the_order_and_equal_labels_say_nothing():
    equal = np.column_stack([np.linspace(0, 1, 9), np.full(9, 0.25), np.linspace(1, 0, 9)])
    profile = replace(look_profile("fixed"), rows=False)
    look = Look(
        facts={},
        labels=replace(LABELS, labels=tuple(Label(name=n) for n in "abc")),
        profile=replace(profile, logarithm=False),
        photos=Photos(count=9, mark=0),
        moments=Moments.of(equal),
    )
    found = look.scores(torch.from_numpy(equal).float())
    assert (found[:, 0].diff() > 0).all()
    assert (found[:, 2].diff() < 0).all()
    assert found[:, 1].unique().tolist() == [pytest.approx(1 / 6)]  # two deviations below 0.5
    assert look.alike() == ["b"]
