"""PIAA as users call it: a look with a bank, tags, masks, every option, and what is refused.

With it: ``methods/piaa/options.py``, ``methods/piaa/profiles.py``.

Holds ``methods/piaa/classifier.py``, ``methods/piaa/learner.py``.
"""

import dataclasses

import pytest
import torch
import torch.nn.functional as F
from piaa_looks import made_look
from PIL import Image

from tagalign.data.tiny_world import TinyWorld
from tagalign.errors import InputError, MissingPartError
from tagalign.labels import Label, LabelSet
from tagalign.methods.load import load_method
from tagalign.methods.looks.files import write_look
from tagalign.methods.options import facts_of
from tagalign.methods.piaa.learner import BANK_ROWS, BankSizes
from tagalign.methods.piaa.options import PiaaOptions

NAMES = ("dog", "car", "tree", "house", "sky", "grass")
LABELS = LabelSet(name="custom", labels=tuple(Label(name=name) for name in NAMES))
CHANGES = {
    "profile": "released",
    "temperature": 0.5,
    "class_scale": 20.0,
    "patch_scale": 100.0,
    "class_weight": 0.9,
    "threshold": "top:4",
}
GATHERED = {"mode": "clip", "short_side": 32, "keep": 3, "keep_per_photo": 1}
"""Options that act while a folder is looked at."""


@pytest.fixture(scope="module")
def photos():
    return [Image.fromarray(scene.image) for scene in TinyWorld(seed=1, split="test").take(8)]


@pytest.fixture(scope="module")
def look(photos, tmp_path_factory):
    """Written by hand, so that the road of photos is not needed here."""
    folder = tmp_path_factory.mktemp("look")
    write_look(folder, made_look(load_method("tiny", method="piaa"), photos, LABELS))
    return folder


def answers(look, photos, **options):
    method = load_method("tiny", method="piaa", look=look, **options)
    labels = method.encode_labels(LABELS)
    return [method.tag(image, labels) for image in method.encode_images(photos)]


def test_scores_are_those_of_the_equations(look, photos):
    method = load_method("tiny", method="piaa", look=look)
    labels = method.encode_labels(LABELS)
    image = method.encode_images(photos[:1])[0]
    ((ids, classifier),) = labels.groups
    assert ids == tuple(range(6))
    x = F.normalize(image.views[0].embeds.double(), dim=1)
    best = ((x @ classifier.fit.weights + classifier.fit.bias) / 500).softmax(dim=1).amax(dim=0)
    token = (
        80 * F.normalize(image.token.double(), dim=0) @ F.normalize(labels.embeds.double(), dim=1).T
    ).softmax(0)
    wanted = 0.1 * token + 0.9 * (400 * best).softmax(dim=0)
    alive = ~classifier.is_dead
    found = torch.tensor(method.tag(image, labels).scores, dtype=torch.float64)
    torch.testing.assert_close(found[alive], wanted[alive], rtol=0, atol=1e-6)  # stored in float32


@pytest.mark.parametrize("option", CHANGES)
def test_an_option_changes_the_answer(look, photos, option):
    given = {"profile": "released"} if option == "temperature" else {}
    assert answers(look, photos, **given, **{option: CHANGES[option]}) != answers(look, photos, **given)


@pytest.mark.parametrize("option", GATHERED)
def test_an_option_of_the_bank_changes_the_look(photos, option):
    method = load_method("tiny", method="piaa", **{option: GATHERED[option]})
    plain = load_method("tiny", method="piaa")
    assert made_look(method, photos, LABELS).tensors["bank.places"].tolist() != (
        made_look(plain, photos, LABELS).tensors["bank.places"].tolist()
    )


def test_every_option_is_tried():
    assert {fact.name for fact in facts_of(PiaaOptions)} == {*CHANGES, *GATHERED, "look"}


def test_masks_are_the_best_logit_of_each_patch(look, photos):
    method = load_method("tiny", method="piaa", look=look)
    labels = method.encode_labels(LABELS)
    image = method.encode_images(photos[:1])[0]
    found = method.segment(image, labels)
    assert found.labels.shape == image.size
    rows, cols = image.views[0].grid
    classifier = labels.groups[0][1]
    best = classifier.logits(image.views[0].embeds.double()).argmax(dim=1).reshape(rows, cols)
    # in the middle of a patch there is nothing to interpolate where sizes divide
    step = image.size[0] // rows
    if image.size == (rows * step, cols * step) and step % 2:
        assert torch.equal(found.labels[step // 2 :: step, step // 2 :: step], best)
    shares = (found.labels[:, :, None] == torch.arange(6)).double().mean(dim=(0, 1))
    by_patch = best.flatten().bincount(minlength=6).double() / best.numel()
    assert float((shares - by_patch).abs().max()) < 0.15


@pytest.mark.parametrize("mode", ["sclip", "scclip"])
def test_a_wide_photo_is_seen_whole(photos, mode):
    method = load_method("tiny", method="piaa", mode=mode)
    wide = Image.new("RGB", (200, 80))
    wide.paste(photos[0], (0, 0))
    (image,) = method.encode_images([wide])
    assert [view.box for view in image.views] == [(0, 0, 200, 80)]
    assert image.views[0].grid == (10, 25)
    assert method.look_facts()["window"] is None
    # what stands at the left end decides its patches; a last window alone would not have seen it
    other = Image.new("RGB", (200, 80))
    (empty,) = method.encode_images([other])
    left = (image.views[0].embeds - empty.views[0].embeds).unflatten(0, (10, 25))[:, :5]
    assert float(left.abs().amax()) > 0.01


def test_a_label_without_patches_keeps_its_text_and_is_named(photos, tmp_path):
    method = load_method("tiny", method="piaa")
    look = made_look(method, photos, LABELS)
    keep = look.tensors["bank.labels"] != 1
    lost = {name: value[keep] for name, value in look.tensors.items()}
    write_look(tmp_path, dataclasses.replace(look, tensors=lost))
    for profile, is_text in (("fixed", True), ("released", False)):
        looked = load_method("tiny", method="piaa", look=tmp_path, profile=profile)
        labels = looked.encode_labels(LABELS)
        assert "car" in labels.dead()
        image = looked.encode_images(photos[:1])[0]
        text = looked.by_text.tag(image, labels).scores[1]
        assert (looked.tag(image, labels).scores[1] == pytest.approx(text, abs=1e-6)) is is_text


def test_groups_compete_by_themselves(photos, tmp_path):
    grouped = dataclasses.replace(
        LABELS, labels=tuple(Label(name=n, group="thing" if i < 3 else "stuff") for i, n in enumerate(NAMES))
    )
    method = load_method("tiny", method="piaa")
    write_look(tmp_path, made_look(method, photos, grouped))
    looked = load_method("tiny", method="piaa", look=tmp_path)
    scores = looked.tag(looked.encode_images(photos[:1])[0], looked.encode_labels(grouped)).scores
    assert len(looked.encode_labels(grouped).groups) == 2
    assert len(scores) == 6


def test_without_a_look_it_says_how_to_make_one(photos):
    with pytest.raises(MissingPartError, match="tagalign look PHOTOS --method piaa"):
        load_method("tiny", method="piaa").encode_labels(LABELS)


def test_other_labels_another_mode_or_a_look_without_patches_are_refused(look, photos, tmp_path):
    with pytest.raises(InputError, match="other labels"):
        load_method("tiny", method="piaa", look=look).encode_labels(
            dataclasses.replace(LABELS, labels=LABELS.labels[1:])
        )
    with pytest.raises(InputError, match="mode = 'sclip', now it is 'clip'"):
        load_method("tiny", method="piaa", look=look, mode="clip")
    method = load_method("tiny", method="piaa")
    write_look(tmp_path, dataclasses.replace(made_look(method, photos, LABELS), tensors={}))
    with pytest.raises(InputError, match="kept no patches"):
        load_method("tiny", method="piaa", look=tmp_path).encode_labels(LABELS)


def test_ten_thousand_labels_share_a_bank_of_bounded_size():
    assert BankSizes.of(512, None, 10_000).label == BANK_ROWS // 10_000
    assert BankSizes.of(512, None, 80) == BankSizes(label=512, photo=512)
    assert BankSizes.of(512, 16, 80).photo == 16
