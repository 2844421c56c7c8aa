"""Which labels count as seen, and what is refused."""

import pytest

from tagalign.errors import InputError
from tagalign.methods.trusty.names import seen_ids
from tagalign.tags.label_sets import load_label_set

LABELS = load_label_set("dog: puppy\nCat\nred car\nsky")


def test_names_and_other_words_of_the_training_are_seen_whatever_their_case():
    assert seen_ids(LABELS, ["PUPPY", "cat", "tree"]) == (0, 1)
    assert seen_ids(LABELS, []) == ()


def test_one_list_leaves_the_rest_to_the_other_side():
    assert seen_ids(LABELS, ["dog"], seen=["sky", "CAT"]) == (1, 3)
    assert seen_ids(LABELS, ["dog"], unseen=["sky", "CAT"]) == (0, 2)
    assert seen_ids(LABELS, ["dog"], seen=[]) == ()
    assert seen_ids(LABELS, ["dog"], unseen=[]) == (0, 1, 2, 3)


def test_two_lists_must_name_every_label_once():
    assert seen_ids(LABELS, [], seen=["dog", "sky"], unseen=["cat", "red car"]) == (0, 3)
    with pytest.raises(InputError, match="'dog' is given as seen and as unseen"):
        seen_ids(LABELS, [], seen=["dog"], unseen=["DOG", "cat", "red car", "sky"])
    with pytest.raises(InputError, match="'red car' is given neither as seen nor as unseen"):
        seen_ids(LABELS, [], seen=["dog", "sky"], unseen=["cat"])


@pytest.mark.parametrize("flag", ["seen", "unseen"])
def test_a_name_that_is_no_label_is_refused(flag):
    with pytest.raises(InputError, match=f"{flag} name 'cow' is none of the labels: dog, Cat"):
        seen_ids(LABELS, [], **{flag: ["cow"]})
