"""Flags of masks that do not fit together are refused by name; labels may come as seen and unseen ones."""

import pytest

from tagalign.cli.verbs.segment.settings import SegmentSettings, names_of
from tagalign.errors import InputError

GIVEN = {"images": ("a.jpg",), "labels": "dog, grass"}


def test_what_is_needed_is_enough():
    settings = SegmentSettings(**GIVEN)
    settings.check_labels()
    assert settings.label_set().names == ("dog", "grass")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"order": "errors"}, "--order errors counts labels of `tag`"),
        ({"rle": True, "overlay": True}, "leave out --overlay and --heat-maps"),
        ({"rle": True, "heat_maps": True}, "leave out --overlay and --heat-maps"),
        ({"png": True}, "--png belongs to --rle"),
        ({"fast_decode": True, "overlay": True}, "--overlay needs every pixel"),
        ({"fast_decode": True, "regions": "auto"}, "--regions needs every pixel"),
        ({"region_option": ("min_pixels=3",)}, "--region-option belongs to --regions"),
        ({"points_per_side": 8}, "belong to --regions auto"),
        ({"regions": "masks", "mask_generator": "another"}, "belong to --regions auto"),
        ({"regions": "auto", "instances": True}, "leave out --instances"),
        ({"min_area": 5}, "belongs to --instances, got 5"),
        ({"instances": True, "min_area": -1}, "takes pixels from 0"),
        ({"short_side": 0}, "--short-side must be at least 1"),
        ({"heat_side": -1}, "--heat-side must be at least 0"),
    ],
)
def test_flags_that_do_not_fit_are_refused(flags, message):
    with pytest.raises(InputError, match=message):
        SegmentSettings(**GIVEN | flags)


def test_seen_and_unseen_labels_are_a_list():
    settings = SegmentSettings(images=("a.jpg",), seen="dog, grass", unseen="cat")
    settings.check_labels()
    assert settings.label_set().names == ("dog", "grass", "cat")
    with pytest.raises(InputError, match="'Dog' is given as --seen and as --unseen"):
        SegmentSettings(images=("a.jpg",), seen="dog", unseen="Dog").label_set()
    with pytest.raises(InputError, match="exactly one of them"):
        SegmentSettings(images=("a.jpg",), seen="dog").check_labels()


def test_names_between_commas_none_where_nothing_is_given():
    assert names_of(None) is None
    assert names_of("dog,, red  car") == ["dog", "red car"]
