"""A model without a method answers as each verb's default does, encodes a batch once per method, and refuses strangers."""

import pytest
import torch
from PIL import Image

from tagalign.errors import InputError
from tagalign.methods.load import load_method
from tagalign.methods.table import DEFAULTS
from tagalign.tags.label_sets import label_set_of

LABELS = label_set_of(["dog", "red car", "grass"])


@pytest.fixture(scope="module")
def model(clip_folder):
    return load_method(str(clip_folder))


@pytest.mark.parametrize("verb", ["tag", "segment", "refer"])
def test_every_verb_is_answered_by_its_default(model, clip_folder, photo, verb):
    other = load_method(str(clip_folder), method=DEFAULTS[verb])
    answers = []
    for method in (model, other):
        image = method.encode_images([photo])[0]
        if verb == "refer":
            answers.append(method.refer(image, "the dog").heat)
        elif verb == "segment":
            answers.append(method.segment(image, method.encode_labels(LABELS)).scores)
        else:
            answers.append(torch.tensor(method.tag(image, method.encode_labels(LABELS)).scores))
    assert torch.equal(*answers)


def test_photos_given_together_are_encoded_together_and_once(model, photo, monkeypatch):
    segmenter, seen = model.methods["segment"], []
    encode = segmenter.encode_images
    monkeypatch.setattr(segmenter, "encode_images", lambda photos: seen.append(len(photos)) or encode(photos))
    labels = model.encode_labels(LABELS)
    first, second = model.encode_images([photo, photo.transpose(Image.Transpose.ROTATE_90)])
    for image in (first, second, first):
        model.segment(image, labels)
    assert seen == [2]


def test_one_encoder_serves_all(model):
    assert len({id(method.backbone) for method in model.methods.values()}) == 1
    assert model.describe()["weight_hash"] == model.describe()["tag"]["weight_hash"]


def test_labels_of_another_method_are_refused_with_both_names(model, clip_folder, photo):
    clip = load_method(str(clip_folder), method="clip")
    labels = model.methods["segment"].encode_labels(LABELS)
    with pytest.raises(
        InputError, match=f"labels were encoded for method '{DEFAULTS['segment']}', this is 'clip'"
    ):
        clip.segment(clip.encode_images([photo])[0], labels)


def test_an_option_goes_to_the_methods_that_have_it_and_to_none_is_refused(clip_folder):
    model = load_method(str(clip_folder), local_weight=0.25, background_rule=True)
    assert model.methods["tag"].options.local_weight == 0.25
    assert model.methods["segment"].options.background_rule
    with pytest.raises(InputError, match="method 'default' has no option 'num_beam'"):
        load_method(str(clip_folder), num_beam=2)
