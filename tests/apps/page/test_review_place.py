import pytest

from tagalign.apps.page.review_place import ReviewPlace, place_of
from tagalign.errors import InputError


def test_a_place_comes_back_as_it_went() -> None:
    place = ReviewPlace(store='a "b"', number=3, labels="dög,\ncat", method="clip", again=True, seen="x")
    assert place_of(place.text()) == place
    assert place_of("{}") == ReviewPlace()


@pytest.mark.parametrize(
    "text",
    ["", "5", "[]", "{", '{"number": -1}', '{"number": true}', '{"number": "1"}', '{"store": null}', '{"else": 1}'],
)  # fmt: skip
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="load it anew"):
        place_of(text)
