"""Limits are whole numbers from 1."""

import pytest

from tagalign.errors import InputError
from tagalign.methods.resources import Resources


@pytest.mark.parametrize("name", ["batch_size", "crop_batch"])
@pytest.mark.parametrize("value", [0, -3])
def test_no_images_at_a_time_are_refused(name, value):
    with pytest.raises(InputError, match=name):
        Resources(**{name: value})
    assert getattr(Resources(**{name: 1}), name) == 1


def test_nothing_is_kept_on_disk_unless_asked():
    assert Resources().text_cache is None
    assert Resources().companion_cache is None
