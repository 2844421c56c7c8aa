"""Flags that do not fit together are refused before anything is opened, each by its name."""

from pathlib import Path

import pytest

from tagalign.cli.verbs.train.groupvit.settings import TrainGroupVitSettings
from tagalign.errors import InputError

P = Path("x")
GIVEN = {"pairs": ("x.tar",)}


def test_what_is_needed_is_enough():
    assert TrainGroupVitSettings(**GIVEN).method == "groupvit"


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"pairs": ()}, "--pairs is missing"),
        ({"tags": P}, "belong together"),
        ({"consistency_weight": -1.0}, "must be at least 0"),
        ({"consistency_weight": 1.0}, "needs --tags"),
        ({"consistency_momentum": 1.0}, r"in \[0, 1\)"),
        ({"groups": (8,)}, "one number less than --depths"),
        ({"width": 100}, "multiple of --heads"),
        ({"patch": 0}, "--patch must be at least 1"),
    ],
)
def test_flags_that_do_not_fit_are_refused(flags, message):
    with pytest.raises(InputError, match=message):
        TrainGroupVitSettings(**GIVEN | flags)
