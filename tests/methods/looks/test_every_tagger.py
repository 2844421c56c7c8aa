"""Every method that tags can take a look, and a look then changes its tags.

Holds ``methods/looks/step.py``.
"""

import dataclasses

import pytest
import torch
from PIL import Image

from tagalign.data.tiny_world import TinyWorld
from tagalign.errors import InputError
from tagalign.labels import Label, LabelSet
from tagalign.methods.load import load_method
from tagalign.methods.looks.files import write_look
from tagalign.methods.looks.look import Look, Photos
from tagalign.methods.looks.profiles import look_profile
from tagalign.methods.protocols import LookTaker
from tagalign.methods.table import METHODS, methods
from tagalign.tasks.folder_look.gather import moments_of

LABELS = LabelSet(name="custom", labels=tuple(Label(name=name) for name in ("dog", "car", "tree", "house")))
FEWER = dataclasses.replace(LABELS, labels=LABELS.labels[1:])
# groupvit and tagalign need folders of their own; they are dense methods, whose code this is
TAGGERS = (
    "clip", "maskclip", "surgery", "tagclip", "clip-cls", "clip-cls-logits", "cls-seg", "gated", "tag2text"
)  # fmt: skip


@pytest.fixture(scope="module")
def photos():
    return [Image.fromarray(scene.image) for scene in TinyWorld(seed=1, split="test").take(5)]


def look_of(method, photos):
    encoded = method.encode_labels(LABELS)
    scores = torch.tensor([method.tag(image, encoded).scores for image in method.encode_images(photos)])
    profile = look_profile("fixed")
    return Look(
        facts=method.look_facts(),
        labels=LABELS,
        profile=profile,
        photos=Photos(count=len(photos), mark=1),
        moments=moments_of(scores, profile),
    ), scores


def test_every_method_that_tags_has_the_option():
    for name in methods(can="tag"):
        assert "look" in {field.name for field in dataclasses.fields(METHODS[name].options)}, name


@pytest.mark.parametrize("name", TAGGERS)
def test_a_look_standardises_what_the_tagger_says(tmp_path, photos, name):
    method = load_method("tiny", method=name)
    assert isinstance(method, LookTaker)
    look, scores = look_of(method, photos)
    write_look(tmp_path, look)
    looked = load_method("tiny", method=name, look=tmp_path)
    labels = looked.encode_labels(LABELS)
    found = torch.tensor([looked.tag(image, labels).scores for image in looked.encode_images(photos)])
    # stored scores against scores of another pass: float32 rounding, and a deviation of five photos divides it
    torch.testing.assert_close(found, look.scores(scores).float(), rtol=0, atol=1e-4)
    assert not torch.allclose(found, scores, atol=1e-3)
    assert str(look.mark()) in str(looked.describe())
    assert looked.look_facts() == method.look_facts()
    with pytest.raises(InputError, match="other labels"):
        looked.tag(
            looked.encode_images(photos[:1])[0],
            looked.encode_labels(dataclasses.replace(LABELS, labels=LABELS.labels[1:])),
        )


def test_a_look_of_another_method_is_refused(tmp_path, photos):
    write_look(tmp_path, look_of(load_method("tiny", method="clip"), photos)[0])
    with pytest.raises(InputError, match=r"method = 'clip', now it is 'maskclip'"):
        load_method("tiny", method="maskclip", look=tmp_path)
    with pytest.raises(InputError, match=r"short_side = \d+, now it is 32"):
        load_method("tiny", method="clip", look=tmp_path, short_side=32)
    # what acts on masks alone changes no tag, and a threshold none of the scores
    load_method("tiny", method="clip", look=tmp_path, sigmoid_scale=3.0, threshold="top:2")


def test_a_model_without_a_method_takes_the_look_of_its_tagger(tmp_path, photos):
    write_look(tmp_path, look_of(load_method("tiny", method="tagclip"), photos)[0])
    model = load_method("tiny", look=tmp_path)
    image = model.encode_images(photos[:1])[0]
    plain = load_method("tiny", method="tagclip", look=tmp_path)
    wanted = plain.tag(plain.encode_images(photos[:1])[0], plain.encode_labels(LABELS))
    assert model.tag(image, model.encode_labels(LABELS)).chosen == wanted.chosen
    model.segment(image, model.encode_labels(LABELS))
