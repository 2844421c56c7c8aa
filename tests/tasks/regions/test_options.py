"""Switches of the profiles, and what is given in their place."""

import dataclasses

import pytest

from tagalign.errors import InputError
from tagalign.tasks.regions.options import PROFILES, RegionOptions


def test_what_is_given_replaces_the_profiles_own_and_nothing_else():
    assert RegionOptions().switches == PROFILES["fixed"]
    found = RegionOptions(profile="released", min_pixels=0, max_share=0.25).switches
    assert found == dataclasses.replace(PROFILES["released"], max_share=0.25)
    assert RegionOptions(min_pixels=0).switches.min_pixels == 0
    assert RegionOptions(max_share=0.0).switches.max_share == 0.0


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"min_pixels": -1}, "min_pixels"),
        ({"max_share": 1.5}, "max_share"),
        ({"min_share": -0.1}, "min_share"),
    ],
)
def test_values_out_of_range_are_refused(values, said):
    with pytest.raises(InputError, match=said):
        RegionOptions(**values)
