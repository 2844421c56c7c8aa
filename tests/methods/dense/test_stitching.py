"""``stitch``: which windows are joined, what it equals, and where it cannot act."""

import numpy as np
import pytest
import torch
from PIL import Image

from tagalign.errors import InputError
from tagalign.methods.load import load_method
from tagalign.tags.label_sets import label_set_of
from tagalign.testing.groupvit_folder import make_groupvit_folder

PATCH, NATIVE = 8, 32  # of the random encoder of the tests
TOL = {"rtol": 0, "atol": 2e-5}  # probabilities of float32 cosines, summed in another order


def picture(height, width):
    blocks = np.random.default_rng(5).integers(0, 255, (5, 7, 3), dtype=np.uint8)
    return Image.fromarray(blocks).resize((width, height), Image.Resampling.NEAREST)


def heat(method, photo):
    labels = method.encode_labels(label_set_of(["dog", "sky", "house"]))
    return method.heat_maps(method.encode_images([photo])[0], labels)


def test_alone_it_takes_native_windows_at_half_their_stride(clip_folder):
    rule = load_method(str(clip_folder), method="pearl", stitch=True).canvas_rule
    assert (rule.short_side, rule.window, rule.stride) == (48, 32, 16)  # 1.5 times the native side
    asked = load_method(str(clip_folder), method="pearl", stitch=True, short_side=64, stride=8).canvas_rule
    assert (asked.short_side, asked.window, asked.stride) == (64, 32, 8)
    own = load_method(str(clip_folder), method="pearl", stitch=True, window=24).canvas_rule
    assert own.stride == 8  # half of three patches, in whole ones


def test_what_it_chose_is_described(clip_folder):
    described = load_method(str(clip_folder), method="maskclip", stitch=True).describe()
    assert [described[name] for name in ("stitch", "short_side", "window", "stride")] == [True, 48, 32, 16]


@pytest.mark.parametrize("mode", ["maskclip", "scclip", "pearl", "rcs"])
def test_one_window_equals_the_whole_image(clip_folder, mode):
    photo = picture(40, 40)
    plain = load_method(str(clip_folder), method=mode, short_side=32)
    joined = load_method(str(clip_folder), method=mode, short_side=32, stitch=True)
    torch.testing.assert_close(heat(joined, photo), heat(plain, photo), **TOL)


def test_more_windows_are_neither_the_whole_image_nor_windows_apart(clip_folder):
    photo = picture(60, 90)
    given = {"short_side": 48, "window": 32, "stride": 16}
    joined = heat(load_method(str(clip_folder), method="naclip", stitch=True, **given), photo)
    apart = heat(load_method(str(clip_folder), method="naclip", **given), photo)
    whole = heat(load_method(str(clip_folder), method="naclip", short_side=48), photo)
    assert not torch.allclose(joined, apart, atol=1e-4)
    assert not torch.allclose(joined, whole, atol=1e-4)


@pytest.mark.parametrize("mode", ["maskclip", "scclip", "pearl", "rcs"])
@pytest.mark.parametrize("size", [(30, 3000), (3000, 30), (1, 1)])
def test_strips_and_a_pixel(clip_folder, mode, size):
    found = heat(load_method(str(clip_folder), method=mode, stitch=True), picture(*size))
    assert found.shape[1:] == size
    assert found.isfinite().all()


def test_a_batch_equals_one_by_one(clip_folder):
    photos = [picture(60, 90), picture(40, 40), picture(60, 90)]
    method = load_method(str(clip_folder), method="scclip", stitch=True, batch_size=2)
    together = method.encode_images(photos)
    for photo, image in zip(photos, together, strict=True):
        alone = method.encode_images([photo])[0]
        torch.testing.assert_close(
            image.views[0].embeds, alone.views[0].embeds, rtol=0, atol=2e-5 * float(alone.embed.abs().max())
        )


@pytest.mark.parametrize(("given", "side"), [({"window": 30}, 30), ({"window": 32, "stride": 12}, 12)])
def test_windows_that_cut_patches_are_refused(clip_folder, given, side):
    with pytest.raises(InputError, match=f"patches of 8 pixels; .*{side}.* must be multiples"):
        load_method(str(clip_folder), method="clip", stitch=True, **given)


def test_a_stride_above_the_window_is_refused(clip_folder):
    method = load_method(str(clip_folder), method="clip", stitch=True, stride=40)
    with pytest.raises(InputError, match="expected a stride between 1 and"):
        method.encode_images([picture(60, 90)])


def test_a_family_without_blocks_of_ours_refuses_it(tmp_path):
    folder = str(make_groupvit_folder(tmp_path / "groupvit"))
    with pytest.raises(InputError, match="has no option 'stitch'"):
        load_method(folder, method="groupvit", stitch=True)
