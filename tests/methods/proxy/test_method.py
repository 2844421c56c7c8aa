"""Method ``proxy``: laws of batches and sizes, pictures without contrast, and what is refused."""

import numpy as np
import pytest
import torch
from PIL import Image

from tagalign.backbones.companion import load_companion
from tagalign.backbones.load import load_backbone
from tagalign.errors import InputError, ModelError
from tagalign.methods.load import load_method
from tagalign.methods.proxy.method import ProxyMethod
from tagalign.methods.proxy.options import ProxyOptions
from tagalign.tags.label_sets import load_label_set
from tagalign.testing.clip_folder import make_clip_folder
from tagalign.testing.companion_folder import make_companion_folder

LABELS = load_label_set("dog,cat,tree")


def noise(height, width, seed=0):
    return Image.fromarray(np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8))


@pytest.fixture(params=["paper", "released", "fixed"])
def method(request, clip_folder):
    return load_method(str(clip_folder), method="proxy", mode_profile=request.param, device="cpu")


def test_a_batch_is_one_by_one(method):
    photos = [noise(40, 56, seed) for seed in range(3)]
    together = method.encode_images(photos)
    for photo, encoded in zip(photos, together, strict=True):
        (alone,) = method.encode_images([photo])
        for view, own in zip(encoded.views, alone.views, strict=True):
            # float32 products in another order; a pair of patches at the edge would jump, none is that near
            torch.testing.assert_close(view.embeds, own.embeds, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("size", [(8, 8), (9, 7), (30, 3000), (16, 200), (1, 1)])
def test_any_size_has_masks_of_its_own_size(method, size):
    photo = noise(*size)
    found = method.segment(method.encode_images([photo])[0], method.encode_labels(LABELS), photo=photo)
    assert found.labels.shape == size
    assert found.scores.isfinite().all()


def test_a_plain_grey_picture_is_no_nan(method):
    (image,) = method.encode_images([Image.new("RGB", (64, 48), (128, 128, 128))])
    assert all(view.embeds.isfinite().all() for view in image.views)
    assert all(map(np.isfinite, method.tag(image, method.encode_labels(LABELS)).scores))


@pytest.mark.parametrize("patch", [14, 16])
def test_patches_of_14_and_16_fit_the_windows_of_the_release(patch, tmp_path):
    clip = load_backbone(str(make_clip_folder(tmp_path / "clip", image_size=224, patch_size=16)))
    companion = load_companion(str(make_companion_folder(tmp_path / "c", patch_size=patch)))
    method = ProxyMethod(clip, ProxyOptions(), companion=companion)
    (image,) = method.encode_images([noise(150, 200)])
    assert {view.grid for view in image.views} == {(336 // patch, 336 // patch)}
    assert [view.box[2] - view.box[0] for view in image.views] == [336, 336]


def test_results_name_the_companion(clip_folder, small_companions):
    described = load_method(str(clip_folder), method="proxy", device="cpu").describe()
    assert described["companion"]["family"] == "dinov2"
    assert described["companion"]["patch_size"] == 7
    assert len(described["companion"]["weight_hash"]) == 16


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"companion": "CLIP"}, "expected a companion encoder with patches .*got 'clip'"),
        ({"companion": "no/such folder"}, "no such folder"),
        ({"companion": " "}, "companion: expected a folder"),
        ({"gamma": 0}, "gamma above 0"),
        ({"mode_profile": "mine"}, "takes paper, released or fixed"),
    ],
)
def test_what_cannot_be_a_companion_is_refused(clip_folder, options, said):
    options = {key: str(clip_folder) if value == "CLIP" else value for key, value in options.items()}
    with pytest.raises((InputError, ModelError), match=said):
        load_method(str(clip_folder), method="proxy", device="cpu", **options)
