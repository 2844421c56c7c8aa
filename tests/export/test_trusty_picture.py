"""The trusty map beside its result."""

import numpy as np
import pytest
import torch

from tagalign.errors import InputError
from tagalign.export.overlay import heat_overlay, overlay
from tagalign.export.trusty_picture import GAP, TITLE, trusty_picture
from tagalign.methods.trusty.method import TrustySegmentation


def result(photo, trusty):
    labels = torch.zeros(photo.height, photo.width, dtype=torch.long)
    labels[:, 30:] = 1
    return TrustySegmentation(
        labels=labels,
        names=("red", "new"),
        scores=torch.ones(photo.height, photo.width),
        trusty=trusty,
        seen=(0,),
        weighting="both",
    )


def test_both_pictures_stand_side_by_side(photo):
    found = result(photo, torch.linspace(0, 1, 60).expand(44, 60))
    sheet = np.asarray(trusty_picture(photo, found))
    left, right = (np.asarray(p) for p in (overlay(photo, found), heat_overlay(photo, found.trusty, TITLE)))
    assert np.array_equal(sheet[: left.shape[0], : left.shape[1]], left)
    assert np.array_equal(sheet[: right.shape[0], left.shape[1] + GAP :], right)


def test_without_a_map_it_says_why(photo):
    with pytest.raises(InputError, match="there is no trusty map"):
        trusty_picture(photo, result(photo, None))
