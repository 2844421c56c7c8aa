"""Where the profiles of dense segmentation differ, and that an unknown one is refused."""

import dataclasses

import pytest

from tagalign.backbones.preprocess import IMAGENET_MEAN, IMAGENET_STD
from tagalign.errors import UnknownNameError
from tagalign.methods.dense.profiles import CALIBRATED, PROFILES, dense_profile


def differences(mine, theirs):
    mine, theirs = dataclasses.asdict(mine), dataclasses.asdict(theirs)
    return {name for name in mine if mine[name] != theirs[name]}


def test_fixed_is_the_release_with_clips_pixels_and_clips_mean_of_templates():
    released, fixed = dense_profile("released"), dense_profile("fixed")
    assert differences(released, fixed) == {"name", "pixel_mean", "pixel_std", "template_mean"}
    assert (released.pixel_mean, released.pixel_std) == (IMAGENET_MEAN, IMAGENET_STD)


def test_the_paper_sees_the_whole_image_and_the_trained_map_alone():
    paper = dense_profile("paper")
    assert (paper.windows, paper.sigmoid_first, paper.clip_weight) == (False, False, 0.0)


def test_modes_with_profiles_of_their_own_cut_native_windows_but_for_ours():
    own = {name: dense_profile(name, calibrated=True) for name in CALIBRATED}
    assert {name: one.native_windows for name, one in own.items()} == {
        "paper": True,
        "released": True,
        "fixed": False,
    }
    assert differences(own["paper"], own["released"]) == {"name", "positions"}


@pytest.mark.parametrize("calibrated", [True, False])
def test_names(calibrated):
    for name in CALIBRATED if calibrated else PROFILES:
        assert dense_profile(name, calibrated=calibrated).name == name
    with pytest.raises(UnknownNameError, match="did you mean 'paper'"):
        dense_profile("papr", calibrated=calibrated)
