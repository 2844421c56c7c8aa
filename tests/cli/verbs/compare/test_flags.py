"""Two for a comparison, any number for a table; flags of a table belong to it."""

from pathlib import Path

import pytest

from tagalign.cli.verbs.compare.flags import CompareSettings
from tagalign.errors import InputError

A, B, C = map(Path, "abc")


def test_the_first_is_the_one_compared_with():
    settings = CompareSettings(paths=(A, B))
    assert (settings.first, settings.second) == (A, B)
    CompareSettings(paths=(A, B, C), table="md", published=("tagalign/table1",))
    CompareSettings(paths=(A,), table="csv")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"paths": (A,)}, "takes two results or parses, got 1"),
        ({"paths": (A, B, C)}, "got 3; --table takes any number"),
        ({"paths": (), "table": "md"}, "needs results"),
        (
            {"paths": (A, B), "published": ("tagalign/table1",)},
            "--published stands beside results in a table",
        ),
    ],
)
def test_other_numbers_are_refused(flags, message):
    with pytest.raises(InputError, match=message):
        CompareSettings(**flags)
