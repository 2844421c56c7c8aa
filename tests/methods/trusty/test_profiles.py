"""Pixels, calibration and start of the profiles."""

import pytest

from tagalign.backbones.preprocess import IMAGENET_MEAN, IMAGENET_STD
from tagalign.errors import UnknownNameError
from tagalign.methods.trusty.profiles import trusty_profile


def test_only_the_release_sees_other_pixels_than_the_encoder(backbone):
    own = backbone.preprocessing
    assert trusty_profile("paper").pixels(own) == own
    assert trusty_profile("fixed").pixels(own) == own
    seen = trusty_profile("released").pixels(own)
    assert (seen.mean, seen.std, seen.image_size) == (IMAGENET_MEAN, IMAGENET_STD, own.image_size)


def test_what_the_profiles_are_for():
    paper, released, fixed = (trusty_profile(name) for name in ("paper", "released", "fixed"))
    assert (paper.trusty_loss, released.trusty_loss, fixed.trusty_loss) == ("dice", "focal", "focal")
    assert (paper.calibration, released.calibration, fixed.calibration) == (0.0, 0.1, 0.0)
    assert (released.class_embedding_times, fixed.class_embedding_times) == (2, 1)
    assert [one.starts_at_cosine for one in (paper, released, fixed)] == [False, False, True]
    with pytest.raises(UnknownNameError, match="did you mean 'paper'"):
        trusty_profile("papers")
