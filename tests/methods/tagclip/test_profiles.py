"""The layers of the papers for any depth, and the release's deviations."""

import pytest

from tagalign.errors import InputError, UnknownNameError
from tagalign.methods.tagclip.profiles import PROFILES, layer_choice, tagclip_profile


def test_at_twelve_layers_they_are_the_printed_ones():
    chosen = layer_choice(12)
    assert (chosen.refine, chosen.affinity, chosen.min_votes) == ((8, 9, 10), tuple(range(4, 12)), 4)


@pytest.mark.parametrize("depth", [1, 2, 3, 6, 24])
def test_at_other_depths_they_exist_and_can_be_reached(depth):
    chosen = layer_choice(depth)
    assert chosen.refine == (tuple(range(max(0, depth - 4), depth - 1)) or (0,))
    assert chosen.affinity == tuple(range(max(0, depth - 8), depth))
    assert 1 <= chosen.min_votes <= depth


def test_what_is_given_replaces_the_default_alone():
    chosen = layer_choice(12, affinity=(0, 11), min_votes=0)
    assert (chosen.refine, chosen.affinity, chosen.min_votes) == ((8, 9, 10), (0, 11), 0)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"refine": ()}, "refine layers: expected some of 0 to 3, got"),
        ({"refine": (4,)}, "refine layers: expected some of 0 to 3, got"),
        ({"affinity": (-1, 2)}, "affinity layers: expected some of 0 to 3, got"),
        ({"min_votes": 5}, "expected 0 to 4"),
        ({"min_votes": -1}, "expected 0 to 4"),
    ],
)
def test_layers_that_do_not_exist_are_refused(given, said):
    with pytest.raises(InputError, match=said):
        layer_choice(4, **given)


def test_profiles_by_name_or_as_they_are():
    assert {name: tagclip_profile(name).name for name in PROFILES} == {name: name for name in PROFILES}
    own = PROFILES["fixed"]
    assert tagclip_profile(own) is own
    with pytest.raises(UnknownNameError, match="did you mean 'fixed'"):
        tagclip_profile("fixd")
    released = tagclip_profile("released")
    assert released.loses_last
    assert released.stops_at_empty_box
    assert [own.loses_last, own.stops_at_empty_box, own.rounds_positions] == [False] * 3
