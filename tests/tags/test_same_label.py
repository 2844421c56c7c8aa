"""Spellings that are one label, and those that are two."""

import pytest

from tagalign.tags.same_label import same_label, split_names, tidy_name


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("dog", " DOG "), ("red  car", "Red\tcar"), ("caf\u00e9", "CAFE\u0301"), ("stra\u00dfe", "STRASSE"),
        ("d\u200bog", "dog"), ("\ufeffdog", "dog"), ("\u202edog\u202c", "dog"),
    ],
)  # fmt: skip
def test_one_label(one, other):
    assert same_label(one) == same_label(other)


JOINED, APART = "\u0645\u06cc\u200c\u0634\u0648\u062f", "\u0645\u06cc\u0634\u0648\u062f"
"""A Persian word with and without the joiner that it is written with."""


@pytest.mark.parametrize(
    ("one", "other"), [("dog", "dogs"), ("red car", "redcar"), ("cafe", "caf\u00e9"), (JOINED, APART)]
)
def test_two_labels(one, other):
    assert same_label(one) != same_label(other)


def test_a_tidy_name_keeps_its_case_and_single_blanks():
    assert tidy_name("  Red \u00a0 \u00adCar\n") == "Red Car"


@pytest.mark.parametrize("comma", [",", "\uff0c", "\u3001", "\uff64", "\u060c", "\n", ",\r\n", ", \n\n"])
def test_commas_of_any_script_and_lines_divide(comma):
    assert split_names(f"dog{comma} red  car") == ["dog", "red car"]


def test_an_empty_name_stays_to_be_refused():
    assert split_names("dog,,cat") == ["dog", "", "cat"]
    assert split_names("\ndog\n") == ["dog"]
