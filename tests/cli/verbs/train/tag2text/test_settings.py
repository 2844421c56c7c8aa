"""Flags that do not fit together are refused before anything is opened, each by its name."""

from pathlib import Path

import pytest

from tagalign.cli.verbs.train.tag2text.settings import Tag2TextTrainSettings
from tagalign.errors import InputError

P = Path("x")
GIVEN = {"records": P, "tag_list": P}


def test_what_is_needed_is_enough():
    assert Tag2TextTrainSettings(**GIVEN).method == "tag2text"


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"records": None}, "--records FILE and --tag-list FILE"),
        ({"tag_list": None, "model": "swin-base"}, "are needed"),
        ({"label_rows": P}, "needs --tag-list vocabulary"),
        ({"validate_every": 5, "held_out_share": 0.0}, "looks at held-out records"),
        ({"momentum": 0.5}, "belong to a --momentum-queue"),
        ({"keep_features": False, "keep_in": P}, "leave one of them out"),
        ({"keep_limit": -1.0}, "a size in GiB"),
        ({"held_out_share": 1.0}, r"a share in \[0, 1\)"),
        ({"crop_share": 0.0}, r"a share in \(0, 1\]"),
        ({"tagging": -1.0}, "--tagging must be at least 0"),
    ],
)
def test_flags_that_do_not_fit_are_refused(flags, message):
    with pytest.raises(InputError, match=message):
        Tag2TextTrainSettings(**GIVEN | flags)
