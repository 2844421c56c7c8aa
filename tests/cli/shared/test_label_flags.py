"""Labels, prompts and words that compete, as flags say them."""

from pathlib import Path

import pytest

from tagalign.cli.shared.label_flags import LabelFlags, PromptFlags
from tagalign.errors import InputError
from tagalign.tags.label_sets import background_words, load_label_set, template_set


def test_names_a_benchmark_or_a_file(tmp_path):
    path = tmp_path / "labels.txt"
    path.write_text("dog\ncat, black\n")
    assert LabelFlags(labels="dog, cat").label_set().names == ("dog", "cat")
    assert LabelFlags(labels="voc20").label_set() == load_label_set("voc20")
    assert LabelFlags(labels_file=path).label_set().names == ("dog", "cat, black")


@pytest.mark.parametrize("flags", [LabelFlags(), LabelFlags(labels="dog", labels_file=Path("x.txt"))])
def test_none_and_both_are_refused(flags):
    with pytest.raises(InputError, match="exactly one of them"):
        flags.check_labels()


def test_flags_stand_in_the_place_of_the_sets_own_words_and_prompts():
    own = PromptFlags(labels="voc20").prompted_labels()
    assert own == load_label_set("voc20")
    given = PromptFlags(labels="voc20", background_words="none", templates="1").prompted_labels()
    assert given.labels == own.labels
    assert given.background == background_words("none") == ()
    assert given.templates == template_set("1")


def test_words_that_do_not_act_are_left_out_and_refused_where_they_were_asked_for():
    flags = PromptFlags(labels="dog", background_words="voc")
    labels = flags.prompted_labels()
    assert labels.background
    assert flags.acting_labels(labels, True, "") is labels
    with pytest.raises(InputError, match="--background-words voc does not act: so"):
        flags.acting_labels(labels, False, "so")
    silent = PromptFlags(labels="dog").acting_labels(labels, False, "so")
    assert (silent.background, silent.labels) == ((), labels.labels)
