"""Flags that do not fit together are refused before anything is opened, each by its name."""

from pathlib import Path

import pytest

from tagalign.cli.verbs.train.trusty.settings import TrainTrustySettings
from tagalign.errors import InputError

P = Path("x")
GIVEN = {"data": "voc2012"}


def test_what_is_needed_is_enough():
    assert TrainTrustySettings(**GIVEN).method == "trusty"


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"data": None}, "give --data NAME"),
        ({"photos": P}, "one of both ways"),
        ({"data": "voc"}, "training knows"),
        ({"data": None, "photos": P, "masks": P}, "needs --photos, --masks and --labels"),
        ({"labels": "dog"}, "a data set brings its own"),
        ({"steps": 0}, "--steps must be at least 1"),
        ({"mask_weight": -1.0}, "--mask-weight must be at least 0"),
    ],
)
def test_flags_that_do_not_fit_are_refused(flags, message):
    with pytest.raises(InputError, match=message):
        TrainTrustySettings(**GIVEN | flags)
