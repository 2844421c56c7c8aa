"""Which labels a sentence names; the release's own cases stand in tests/parity."""

import pytest

from tagalign.tags.compound.membership import labels_named, members_of

NAMES = ["dog", "hot dog", "person", "woman", "bus", "wine glass", "skis", "knife"]


@pytest.mark.parametrize(
    ("prompt", "wanted"),
    [
        ("A dog.", {"dog"}),
        ("hot dogs, hot dogs and a hot dog hot dog", {"hot dog"}),
        ("a hot dog for the dog", {"dog", "hot dog"}),
        ("People and two women", {"person", "woman"}),
        ("buses", {"bus"}),
        ("a wine-glass", {"wine glass"}),
        ("one ski", {"skis"}),
        ("knives", {"knife"}),
        ("a dogged street", set()),
        ("", set()),
        ("犬 and 2dogs", {"dog"}),
    ],
)
def test_names_are_found_in_all_their_forms(prompt, wanted):
    assert {NAMES[i] for i in labels_named(prompt, NAMES)} == wanted


def test_names_of_voc_are_one_word():
    names = ["pottedplant", "tvmonitor"]
    assert labels_named("a potted plant and a TV monitor", names) == frozenset()
    assert labels_named("a potted plant and a TV monitor", names, voc_spelling=True) == {0, 1}


def test_members_are_listed_by_label():
    assert members_of(["a dog and a bus", "a bus"], ["bus", "dog", "cat"]) == [(0, 1), (0,), ()]


def test_a_name_without_letters_is_never_found_and_ends():
    assert labels_named("42 dogs, a dog", ["42", "dog"]) == {1}
