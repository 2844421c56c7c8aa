"""A tag list found by name, by normal form, and inside sentences; what it lacks is refused with the nearest."""

import pytest

from tagalign.errors import InputError
from tagalign.labels import Label
from tagalign.methods.tag2text.tag_names import TagNames

NAMES = ("dog", "red car", "car", "swing", "tree", "swing", "Cat")
TAGS = TagNames(NAMES)


def test_a_name_may_stand_several_times_and_in_other_forms():
    assert TAGS.find("swing") == [3, 5]
    assert TAGS.find("dogs") == [0]
    assert TAGS.find("Cat") == [6]
    assert TAGS.find("cats") == [6]
    assert TAGS.find("cow") == []
    assert len(TAGS) == len(NAMES)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a dog and two red cars", [0, 1]),  # the longest name wins, and takes its words with it
        ("a car, red", [2]),
        ("swings under trees.", [3, 4, 5]),
        ("nothing", []),
        ("", []),
    ],
)
def test_what_a_sentence_names(text, found):
    assert TAGS.mentioned(text) == found


def test_a_label_means_all_indices_of_its_words():
    assert TAGS.indices(Label(name="cow", aliases=("swing", "dog"))) == [3, 5, 0]
    assert TAGS.excluding(Label(name="dog", negatives=("swing", "cat"))) == [3, 5, 6]
    assert TAGS.excluding(Label(name="dog", aliases=("swing",), negatives=("swing", "tree"))) == [4]


def test_unknown_words_are_refused_with_the_nearest():
    with pytest.raises(InputError, match=r"'trees and dog' is not among the 7 tags"):
        TAGS.indices(Label(name="trees and dog"))
    with pytest.raises(InputError, match="the nearest is 'tree'"):
        TAGS.indices(Label(name="treee"))
    with pytest.raises(InputError, match="'cow' is not among"):
        TAGS.excluding(Label(name="dog", negatives=("cow",)))


def test_an_empty_list_names_nothing():
    assert TagNames(()).mentioned("a dog") == []
