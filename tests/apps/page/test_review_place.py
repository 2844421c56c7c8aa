import json

import pytest

from tagalign.apps.page.review_place import Draft, ReviewPlace, draft_of, place_of
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


def test_a_draft_is_read_and_anything_else_is_none() -> None:
    place = ReviewPlace(number=2, photo="c.png")
    text = json.dumps({"place": place.text(), "tags": ["dog"], "titles": ["dog  50 %"]})
    assert draft_of(text) == Draft(place=place, tags=("dog",), titles=("dog  50 %",))
    for other in (
        "",
        "{}",
        "[]",
        "7",
        text.replace("tags", "other"),
        json.dumps({"place": "", "tags": [], "titles": []}),
    ):
        assert draft_of(other) is None
