"""What the user can mend: one base, the built-in kinds beside it, and the messages that name the way out."""

import pytest

from tagalign import errors
from tagalign.errors import (
    MissingExtraError,
    MissingImageError,
    NotFiniteError,
    TagalignError,
    UnknownNameError,
)


def test_all_have_one_base_and_those_that_python_knows_are_also_its_own():
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    assert all(issubclass(kind, TagalignError) for kind in kinds)
    assert issubclass(errors.InputError, ValueError)
    assert issubclass(errors.MissingExtraError, ImportError)
    assert all(kind.__name__ in errors.__doc__ for kind in kinds)


def test_an_unknown_name_comes_with_the_nearest_and_all_known_ones():
    known = iter(["surgery", "maskclip", "clip"])
    assert str(UnknownNameError("method", "maskclp", known)) == (
        "unknown method 'maskclp'; did you mean 'maskclip'? Known: clip, maskclip, surgery"
    )
    assert str(UnknownNameError("method", "xyz", ["clip"])) == "unknown method 'xyz'. Known: clip"
    with pytest.raises(ValueError, match="unknown"):
        raise UnknownNameError("a", "b", [])


def test_a_missing_extra_says_how_to_get_it():
    assert str(MissingExtraError("the page", "gradio", "app")) == (
        "the page needs gradio: pip install 'tagalign[app]'"
    )


def test_reasons_that_counters_show():
    assert MissingImageError("x").reason == "image missing"
    assert errors.ImageError("x").reason == "image damaged"
    assert NotFiniteError("x", by_weights=True).by_weights
    assert not NotFiniteError("x").by_weights


def test_a_long_list_is_cut_and_the_rest_counted():
    assert errors.first_names(("a", "b", "c"), 3) == "a, b, c"
    assert errors.first_names(["a", "b", "c", "d"], 2) == "a, b and 2 more"
    assert errors.first_names((), 2) == ""
