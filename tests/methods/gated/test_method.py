"""Tag-gated segmentation: the gate opens for tags alone, and a gate that lets all through changes nothing."""

import numpy as np
import pytest
import torch
from PIL import Image

from tagalign.errors import InputError
from tagalign.methods.dense.method import DenseMethod
from tagalign.methods.dense.options import DenseOptions
from tagalign.methods.gated.method import Gated, take_labels
from tagalign.methods.load import load_method
from tagalign.methods.tagclip.method import TagClip
from tagalign.methods.tagclip.options import TagClipOptions
from tagalign.tags.label_sets import load_label_set
from tagalign.types import Tagging

NAMES = "dog,cat,tree,car"


@pytest.fixture
def picture():
    return Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 56, 3), dtype=np.uint8))


def make(backbone, *, gate="hard", mode="maskclip", **dense):
    segmenter = DenseMethod(backbone, DenseOptions(**dense), method=mode, mode=mode)
    return Gated(TagClip(backbone), segmenter, gate=gate)


def encode(method, picture):
    return method.encode_images([picture])[0], method.encode_labels(load_label_set(NAMES, templates="1"))


def tagging_of(scores, chosen):
    return Tagging(names=tuple(NAMES.split(",")), scores=scores, chosen=chosen)


@pytest.mark.parametrize("mode", ["clip", "maskclip", "surgery", "sclip", "naclip"])
def test_hard_gate_answers_with_tags_alone(backbone, picture, mode):
    method = make(backbone, mode=mode)
    image, labels = encode(method, picture)
    found = method.segment_tagged(image, labels, tagging_of((0.1, 0.9, 0.2, 0.8), (1, 3)))
    assert found.names == ("dog", "cat", "tree", "car")
    assert set(found.labels.unique().tolist()) <= {1, 3}
    assert found.labels.shape == (40, 56)


def test_a_gate_that_lets_all_through_is_the_segmenter(backbone, picture):
    method = make(backbone)
    image, labels = encode(method, picture)
    free = method.segmenter.segment(image.dense, labels.dense)
    assert torch.equal(
        method.segment_tagged(image, labels, tagging_of((0.5,) * 4, (0, 1, 2, 3))).labels, free.labels
    )
    soft = make(backbone, gate="soft")
    assert torch.equal(soft.segment_tagged(image, labels, tagging_of((0.5,) * 4, (0,))).labels, free.labels)


def test_soft_gate_by_a_loop(backbone, picture):
    method = make(backbone, gate="soft")
    image, labels = encode(method, picture)
    scores = (0.02, 0.5, 0.04, 0.3)
    heat = method.segmenter.heat_maps(image.dense, labels.dense)
    found = method.segment_tagged(image, labels, tagging_of(scores, ())).labels
    for r, c in ((0, 0), (13, 40), (39, 55)):
        joint = [(h / (1 - h)) ** 10 * s for h, s in zip(heat[:, r, c].tolist(), scores, strict=True)]
        assert found[r, c] == joint.index(max(joint))


def test_batch_equals_one_by_one(backbone, picture):
    method = make(backbone)
    other = picture.rotate(90, expand=True)
    image, labels = encode(method, picture)
    second = method.encode_images([other])[0]
    together = method.segment_batch([image, second], labels, [picture, other])
    for found, value in zip(together, (image, second), strict=True):
        assert torch.equal(found.labels, method.segment(value, labels).labels)


def test_background_of_the_segmenter_stays_id_0(backbone, picture):
    for gate in ("hard", "soft"):
        method = make(backbone, gate=gate, background_rule=True)
        image, labels = encode(method, picture)
        found = method.segment_tagged(image, labels, tagging_of((0.0, 0.0, 0.9, 0.0), (2,)))
        assert found.names == ("background", "dog", "cat", "tree", "car")
        assert set(found.labels.unique().tolist()) <= {0, 3}


def test_no_tag_lets_the_best_label_through(backbone, picture):
    method = make(backbone)
    image, labels = encode(method, picture)
    assert set(
        method.segment_tagged(image, labels, tagging_of((0.1, 0.2, 0.4, 0.3), ())).labels.unique().tolist()
    ) == {2}


def test_taking_labels_keeps_their_aliases(backbone):
    from dataclasses import replace

    plain = load_label_set("dog,cat", templates="1")
    with_alias = replace(plain, labels=(plain.labels[0], replace(plain.labels[1], aliases=("kitten",))))
    labels = TagClip(backbone, TagClipOptions(use_aliases=True)).encode_labels(with_alias)
    cat = take_labels(labels, [1])
    assert cat.names == ("cat",)
    assert torch.equal(cat.embeds, labels.embeds[1:])
    assert cat.owners.tolist() == [0, 0]


def test_whole_path_and_its_description(backbone, picture):
    method = make(backbone)
    image, labels = encode(method, picture)
    found = method.segment(image, labels)
    tags = set(method.tag(image, labels).chosen)
    assert set(found.labels.unique().tolist()) <= tags
    assert method.describe()["segmenter"]["method"] == "maskclip"


def test_builder_and_wrong_names(clip_folder):
    method = load_method(str(clip_folder), method="gated", segmenter="sclip", threshold="top:2", gate="soft")
    assert method.segmenter.mode == "sclip"
    assert str(method.tagger.options.threshold) == "top:2"
    with pytest.raises(InputError, match="segmenter 'gated' cannot be gated"):
        load_method(str(clip_folder), method="gated", segmenter="gated")
    with pytest.raises(InputError, match="unknown gate 'sof'"):
        Gated(method.tagger, method.segmenter, gate="sof")
