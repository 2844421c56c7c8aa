"""normalize_tag and normalize_parse: cases solved by hand, and laws."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagalign.tags import ParsedCaption, normalize_parse, normalize_tag

OBJECTS = {
    "Red Cars": "red car", "the  car": "car", "three dogs": "dog", "2 dogs": "dog", "group of people": "person",
    "pair of shoes": "shoe", "sports-car": "sports car", "t-shirts": "t-shirt", "tee shirt": "t-shirt",
    "colour television": "color tv", "mobile phone": "cell phone", "cellphones": "cell phone",
    "café": "cafe", "aeroplane": "airplane", "<PERSON>": "person", "wine glasses": "wine glass",
    "reading glasses": "reading glasses", "sunglasses": "sunglasses", "stock photo": "", "side view": "", "week": "",
    "background": "", "white background": "", "sale": "", "they": "", "12": "", "": "", "猫": "", "-": "", "x": "",
}  # fmt: skip


@pytest.mark.parametrize(("tag", "expected"), OBJECTS.items())
def test_objects(tag, expected):
    assert normalize_tag(tag) == expected


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("Coloured", "colored"),
        ("grey", "gray"),
        ("beautiful", ""),
        ("two", ""),
        ("multi-coloured", "multicolored"),
    ],
)
def test_attributes(tag, expected):
    assert normalize_tag(tag, "attribute") == expected


@given(st.text(max_size=30), st.sampled_from(["object", "attribute", "scene", "action"]))
def test_normalising_twice_changes_nothing_more(text, kind):
    once = normalize_tag(text, kind)
    assert normalize_tag(once, kind) == once
    assert "\t" not in once
    assert "\n" not in once


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("two glasses of wine", ("glass",)),
        ("glasses filled with beer", ("glass",)),
        ("plates and glasses on a table", ("glass",)),
        ("a man with glasses", ("glasses",)),
        ("", ("glasses",)),
    ],
)
def test_glasses_find_their_sense_in_the_caption(caption, expected):
    assert normalize_parse(ParsedCaption(objects=("glasses",)), caption).objects == expected


def test_the_picture_itself_goes_and_one_on_the_wall_stays():
    parse = ParsedCaption(objects=("picture", "dog"))
    assert normalize_parse(parse, "a picture of a dog").objects == ("dog",)
    assert normalize_parse(parse, "a picture of a dog on the wall").objects == ("picture", "dog")


def test_repeats_merge_and_pairs_lose_what_is_not_visible():
    parse = ParsedCaption(
        objects=("cars", "car"),
        attributes=("red", "beautiful"),
        pairs=(("cars", "red"), ("car", "beautiful")),
    )
    assert normalize_parse(parse) == ParsedCaption(
        objects=("car",), attributes=("red",), pairs=(("car", "red"),)
    )


def test_one_plain_word_is_the_same_with_marks_around_it():
    """A word alone takes a short way, one with a full stop the long one through the tokens."""
    words = [
        "cars",
        "boxes",
        "bus",
        "colour",
        "glasses",
        "the",
        "a",
        "riding",
        "credit",
        "label",
        "view",
        "dozen",
    ]
    for kind in ("object", "attribute", "scene", "action"):
        assert [normalize_tag(word, kind) for word in words] == [
            normalize_tag(f"{word}.", kind) for word in words
        ]
