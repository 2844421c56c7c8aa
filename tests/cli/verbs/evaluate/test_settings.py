"""Flags of evaluate that are refused before anything is opened, and the model that is taken."""

import pytest

from tagalign.backbones.packaged import TINY
from tagalign.cli.shared.model_flags import PHOTO_MODEL
from tagalign.cli.verbs.evaluate.settings import EvaluateSettings, calibration_count
from tagalign.errors import InputError


@pytest.mark.parametrize(
    "text", ["calibrate:", "calibrate:0", "calibrate:-1", "calibrate:x", "calibrate:1.5"]
)
def test_a_number_of_images_that_is_none(text):
    with pytest.raises(InputError, match="expected calibrate:N"):
        EvaluateSettings(threshold=text)


def test_other_thresholds_are_no_calibration():
    assert [calibration_count(text) for text in (None, "0.3", "top:5", "calibrate:7")] == [
        None,
        None,
        None,
        7,
    ]


@pytest.mark.parametrize("flag", ["limit", "workers"])
def test_counts_start_at_one(flag):
    with pytest.raises(InputError, match=f"--{flag} must be at least 1, got 0"):
        EvaluateSettings(**{flag: 0})
    assert getattr(EvaluateSettings(**{flag: 1}), flag) == 1


def test_drawn_scenes_take_the_drawn_model_and_photos_the_photo_model():
    assert EvaluateSettings(data="tiny-world-objects").auto_model() == TINY
    assert EvaluateSettings(data="voc21").auto_model() == PHOTO_MODEL
