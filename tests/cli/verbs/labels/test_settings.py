"""Each action has its flags, and photos have theirs; a model is opened only where photos or a name ask for it."""

from pathlib import Path

import pytest

from tagalign.cli.shared.model_flags import PHOTO_MODEL
from tagalign.cli.verbs.labels.settings import LabelsSettings
from tagalign.errors import InputError

PHOTOS = {"action": "check", "labels": "dog", "images": ("photos",)}
WORDS = {"action": "check", "labels": "dog"}
OVERLAP = {"action": "overlap", "labels": "dog"}


def test_a_model_is_for_photos():
    assert LabelsSettings(**PHOTOS).model == PHOTO_MODEL
    assert LabelsSettings(**WORDS).model == ""
    assert LabelsSettings(**WORDS, model="tiny").model == "tiny"
    assert LabelsSettings(action="import", labels="hico", images=("file",), out=Path("o.json")).model == ""


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (PHOTOS | {"bound": 0.0}, "--bound must be above 0"),
        (PHOTOS | {"bound": 1.5}, "at most 1, got 1.5"),
        (PHOTOS | {"limit": 0}, "--limit must be at least 1"),
        (PHOTOS | {"part_size": 0}, "--part-size must be at least 1"),
        (WORDS | {"limit": 5}, "--limit is about photos"),
        (WORDS | {"part_size": 5}, "--part-size is about photos"),
        (WORDS | {"out": Path("o")}, "--out is about photos"),
        (OVERLAP | {"bound": 0.5}, "--bound: for tagalign labels check alone"),
        (OVERLAP | {"model": "tiny"}, "--model: for tagalign labels check alone"),
        (WORDS | {"benchmarks": ("a=b",)}, "--benchmarks: for tagalign labels overlap alone"),
        (OVERLAP | {"out": Path("o")}, "check and import alone"),
    ],
)
def test_flags_of_another_action_are_refused(flags, message):
    with pytest.raises(InputError, match=message):
        LabelsSettings(**flags)
