"""Two profiles; another name is refused with the known ones."""

import pytest

from tagalign.errors import UnknownNameError
from tagalign.methods.looks.profiles import look_profile


def test_the_release_standardises_photos_and_ours_takes_logarithms():
    released, fixed = look_profile("released"), look_profile("fixed")
    assert (released.name, released.rows, released.logarithm) == ("released", True, False)
    assert (fixed.name, fixed.rows, fixed.logarithm) == ("fixed", False, True)


def test_another_name_is_refused():
    with pytest.raises(
        UnknownNameError, match="unknown profile of a look 'relesed'; did you mean 'released'"
    ):
        look_profile("relesed")
