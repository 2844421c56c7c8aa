"""Names of other tools become one's own: by name, by synonym, by what a person wrote down."""

import json

import pytest

from tagalign.errors import InputError
from tagalign.tags.label_map import match_labels, read_label_map, save_label_map
from tagalign.tags.label_sets import load_label_set


def test_names_come_before_synonyms_and_case_and_blanks_do_not_matter():
    found = match_labels(
        ["Kitty", "RED  car", "Dog House", "tree", " "],
        load_label_set(["cat: kitty", "red car", "dog house"]),
    )
    assert dict(found.names) == {
        "Kitty": "cat",
        "RED  car": "red car",
        "Dog House": "dog house",
        "tree": None,
        " ": None,
    }
    assert found.unknown == ("tree", " ")
    assert found.labels == ("cat", "red car", "dog house")


def test_without_own_labels_names_stay_and_one_label_has_one_spelling():
    found = match_labels(["Cat", " cat", "cafe\u0301", "CAF\u00c9"])
    assert [found.of(name) for name in ("Cat", " cat", "cafe\u0301", "CAF\u00c9")] == [
        "Cat",
        "Cat",
        "cafe\u0301",
        "cafe\u0301",
    ]
    assert found.unknown == ()


def test_a_saved_mapping_is_asked_first_and_comes_back(tmp_path):
    saved = {"Kitty": "red car", "thing": None}
    found = match_labels(["kitty", "thing", "cat"], load_label_set(["cat: kitty", "red car"]), saved)
    assert dict(found.names) == {"kitty": "red car", "thing": None, "cat": "cat"}
    assert found.unknown == (), "what a person left out is no question any more"
    save_label_map(tmp_path / "map.json", found)
    assert read_label_map(tmp_path / "map.json") == dict(found.names)
    (tmp_path / "map.json").write_text('{"cls_03": "cargo ship: container ship; not ferry"}')
    assert match_labels(["cls_03"], None, read_label_map(tmp_path / "map.json")).labels == ("cargo ship",)
    assert match_labels(["car: red"], None, {"car: red": "car: red"}).labels == ("car: red",), (
        "a name is no line"
    )
    assert match_labels(["a", "b"], None, {"a": "B"}).of("b") == "B"


def test_a_mapping_to_a_label_that_nobody_has_is_refused():
    with pytest.raises(InputError, match="says 'x' is 'bird', which is none of the labels cat"):
        match_labels(["x"], load_label_set(["cat"]), {"x": "bird"})


@pytest.mark.parametrize("text", ["", "[]", '{"a": 1}', "{"])
def test_what_is_no_mapping_is_refused(tmp_path, text):
    path = tmp_path / "map.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"map\.json: expected"):
        read_label_map(path)
    with pytest.raises(InputError, match="no such file"):
        read_label_map(tmp_path / "none.json")


def test_numbers_and_signs_are_names_too():
    names = ["1", "a, b", '"c"', "\u72ac"]
    assert list(json.loads(json.dumps(dict(match_labels(names).names))).values()) == names
