"""The layers of the papers for any depth, and the release's deviations."""

import pytest

from tagalign.errors import InputError, UnknownNameError
from tagalign.layer_range import LayerRange
from tagalign.methods.tagclip.presets import STANDARD
from tagalign.methods.tagclip.profiles import PROFILES, layer_choice, tagclip_profile


def choice(depth, **given):
    """Layers as the papers have them, as shares of the depth, but for what is given."""
    layers = {"refine": STANDARD.refine_layers, "affinity": STANDARD.affinity_layers} | given
    return layer_choice(depth, **layers)


def test_at_twelve_layers_they_are_the_printed_ones():
    chosen = choice(12)
    assert (chosen.refine, chosen.affinity, chosen.min_votes) == ((8, 9, 10), tuple(range(4, 12)), 4)


@pytest.mark.parametrize("depth", [1, 2, 3, 6, 24])
def test_at_other_depths_they_exist_and_can_be_reached(depth):
    chosen = choice(depth)
    # the third quarter to the last but one, and all but the first third; at least one layer where a share has none
    assert chosen.refine == (tuple(range(depth * 2 // 3, depth - 1)) or (chosen.refine[0],))
    assert chosen.affinity == tuple(range(depth // 3, depth))
    assert set(chosen.refine + chosen.affinity) <= set(range(depth))
    assert 1 <= chosen.min_votes <= depth


def test_what_is_given_replaces_the_default_alone():
    chosen = choice(12, affinity=LayerRange("0,11"), min_votes=0)
    assert (chosen.refine, chosen.affinity, chosen.min_votes) == ((8, 9, 10), (0, 11), 0)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"refine": LayerRange("4")}, "refine layers: .*got"),
        ({"affinity": LayerRange("-5,2")}, "affinity layers: .*got"),
        ({"min_votes": 5}, "expected 0 to 4"),
        ({"min_votes": -1}, "expected 0 to 4"),
    ],
)
def test_layers_that_do_not_exist_are_refused(given, said):
    with pytest.raises(InputError, match=said):
        choice(4, **given)


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
