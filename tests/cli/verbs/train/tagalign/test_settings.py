"""Flags that do not fit together are refused before anything is opened, each by its name."""

from pathlib import Path

import pytest

from tagalign.cli.verbs.train.tagalign.settings import TrainSettings
from tagalign.errors import InputError

P = Path("x")
GIVEN = {"pairs": ("x.tar",), "tags": P, "vocabulary": P}


def test_what_is_needed_is_enough():
    assert TrainSettings(**GIVEN).profile == "paper"


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"pairs": ()}, "--pairs is missing"),
        ({"tags": None}, "the tag loss needs --tags and --vocabulary"),
        ({"loss_option": ("gamma=1",)}, "belongs to --loss"),
        ({"validate_on": "tiny-world"}, "needs --validate-split"),
        ({"watch": (P,)}, "needs --watch-labels"),
        ({"blocks": -1}, "--blocks must be at least 0"),
        ({"held_out_pairs": 0}, "--held-out-pairs must be at least 1"),
    ],
)
def test_flags_that_do_not_fit_are_refused(flags, message):
    with pytest.raises(InputError, match=message):
        TrainSettings(**GIVEN | flags)
