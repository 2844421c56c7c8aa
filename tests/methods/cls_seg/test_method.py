"""CLS-SEG on a small random encoder: both gradients, both background rules, edges; golden maps are in parity."""

import dataclasses

import numpy as np
import pytest
import torch
from PIL import Image

from tagalign.errors import InputError
from tagalign.methods.cls_seg import method as module
from tagalign.methods.cls_seg.method import ClsSeg
from tagalign.methods.cls_seg.options import ClsSegOptions
from tagalign.methods.options import build_options
from tagalign.tags.label_sets import load_label_set


@pytest.fixture
def method(backbone):
    return ClsSeg(backbone)


def encode(method, names="dog,cat,tree,car", **more):
    return method.encode_labels(load_label_set(names, templates="1", **more))


def photo(height=40, width=56, seed=0):
    rng = np.random.default_rng(seed)
    return Image.fromarray(rng.integers(0, 255, (height, width, 3), dtype=np.uint8))


def test_closed_form_and_automatic_gradient_agree(backbone, method):
    labels = encode(method, background="voc")
    image = method.encode_images([photo()])[0]
    closed = method.steps(image, labels, [0, 2])
    slow = ClsSeg(backbone, ClsSegOptions(gradient="autograd")).steps(image, labels, [0, 2])
    # float32; golden README allows 1e-4 of the largest value
    tolerance = 1e-4 * float(slow.weights.abs().max())
    torch.testing.assert_close(closed.weights, slow.weights, rtol=0, atol=tolerance)
    torch.testing.assert_close(closed.probs, slow.probs, rtol=1e-4, atol=1e-6)


def test_an_encoder_with_another_activation_uses_automatic_gradients(backbone, monkeypatch):
    monkeypatch.setattr(backbone.blocks[-1].mlp, "activation", "silu")
    assert ClsSeg(backbone).options.gradient == "autograd"


def test_label_map_has_the_original_size_and_only_tags(method):
    labels = encode(method)
    image = method.encode_images([photo(37, 51)])[0]
    found = method.segment_tags(image, labels, [3, 1])
    assert found.labels.shape == (37, 51)
    assert found.names == ("background", "dog", "cat", "tree", "car")
    assert set(found.labels.unique().tolist()) <= {0, 2, 4}


def test_without_background_rule_every_pixel_has_a_tag(backbone):
    method = ClsSeg(backbone, ClsSegOptions(background_rule=False))
    found = method.segment_tags(method.encode_images([photo()])[0], encode(method), [1, 2])
    assert found.names == ("dog", "cat", "tree", "car")
    assert set(found.labels.unique().tolist()) <= {1, 2}


def test_few_maps_at_a_time_change_nothing(method, monkeypatch):
    labels = encode(method)
    image = method.encode_images([photo()])[0]
    whole = method.segment_tags(image, labels, [0, 1, 2, 3])
    monkeypatch.setattr(module, "MAP_CELLS", 1)
    assert torch.equal(whole.labels, method.segment_tags(image, labels, [0, 1, 2, 3]).labels)


def test_argmax_over_background_and_maps_by_a_loop(method):
    labels = encode(method)
    image = method.encode_images([photo(24, 32)])[0]
    maps = torch.nn.functional.interpolate(
        method.scaled_maps(image, labels, [0, 2])[None], size=(24, 32), mode="bilinear", align_corners=False
    )[0]
    found = method.segment_tags(image, labels, [0, 2]).labels
    for r in range(24):
        for c in range(32):
            values = [1 - float(maps[:, r, c].max()), float(maps[0, r, c]), float(maps[1, r, c])]
            assert found[r, c] == (0, 1, 3)[values.index(max(values))]


def test_one_label_has_something_to_compete_with(method):
    labels = encode(method, "dog")
    assert len(labels.cam_background) == 1
    weights = method.steps(method.encode_images([photo()])[0], labels, [0]).weights
    assert weights.abs().max() > 0


def test_no_tags_mean_background(method):
    found = method.segment_tags(method.encode_images([photo()])[0], encode(method), [])
    assert not found.labels.any()


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (40, 40)])
def test_constant_and_tiny_images_are_finite(method, size):
    image = method.encode_images([Image.new("RGB", size[::-1], "grey")])[0]
    found = method.segment(image, encode(method))
    assert found.labels.shape == size
    assert found.scores.isfinite().all()


def test_fused_aliases_stand_in_one_prompt(backbone, monkeypatch):
    seen = []
    original = type(backbone).encode_text
    monkeypatch.setattr(
        type(backbone), "encode_text", lambda self, p, **k: (seen.extend(p), original(self, p, **k))[1]
    )
    plain = load_label_set("person", templates="1")
    person = dataclasses.replace(plain.labels[0], aliases=("people", "human"))
    ClsSeg(backbone, ClsSegOptions(fuse_aliases=True)).encode_labels(
        dataclasses.replace(plain, labels=(person,))
    )
    assert "a clean origami person,people,human." in seen


def test_crf_needs_the_photo(backbone):
    method = ClsSeg(backbone, ClsSegOptions(refine="crf"))
    picture = photo(16, 24)
    image, labels = method.encode_images([picture])[0], encode(method)
    with pytest.raises(InputError, match="give segment"):
        method.segment(image, labels)
    assert method.segment(image, labels, photo=picture).labels.shape == (16, 24)


def test_an_image_encoded_for_tags_alone_is_refused(backbone, method):
    from tagalign.methods.tagclip.method import TagClip

    image = TagClip(backbone, method="cls-seg").encode_images([photo()])[0]
    with pytest.raises(InputError, match="without what class activation maps need"):
        method.segment(image, encode(method))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"refine": "crff"}, "takes none, crf, pamr or tlp, got 'crff'"),
        ({"box_share": 2.0}, "box_share"),
        ({"background_power": 0.0}, "above 0"),
    ],
)
def test_wrong_settings_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        build_options(ClsSegOptions, settings, method="cls-seg")
