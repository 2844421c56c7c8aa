"""Words of a label set that contradict each other: refused by the reader, listed for ``labels check``."""

import pytest

from tagalign.errors import InputError
from tagalign.tags.label_sets import load_label_set, read_label_set
from tagalign.tags.label_words import word_problems


def kinds(text):
    return [problem.kind for problem in word_problems(read_label_set(text.split("\n"))[0])]


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("dog\nDOG", "repeated", "stands twice"),
        ("cup: mug\nglass: Mug", "synonym-of-two", "'mug' is another word for 'cup' and 'glass'"),
        ("cup: mug\nmug", "synonym-of-two", "'mug' is a label and another word for 'cup' and 'mug'"),
        ("cup: mug; not CUP", "own-negative", "'CUP' stands for 'cup' and excludes it too"),
        ("cup: caf\u00e9; not cafe\u0301", "own-negative", "excludes it too"),
        ("[a, under b]\nx\n[b, under a]\ny", "groups", "circle: a under b under a"),
        ("[a, under a]\nx", "groups", "circle: a under a"),
        ("[a, under b]\nx\n[b, under c]\ny\n[c, under a]\nz", "groups", "circle: a under b under c under a"),
        ("[a, under b]\nx", "groups", "'a' stands under 'b', which is no group"),
        ("[a, one]\n[b]\nx", "groups", "group 'a' has no labels"),
    ],
)
def test_contradictions_are_refused_once_and_named(tmp_path, text, kind, message):
    assert kinds(text) == [kind]
    path = tmp_path / "mine.txt"
    path.write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        load_label_set(path)
    assert "mine.txt" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("cup; not trophy\ntrophy", "negative-is-label"),
        ("cup; not prize\ntrophy: prize", "negative-is-label"),
        ("dog\ndogs", "plural"),
    ],
)
def test_what_a_person_decides_is_listed_and_read(text, kind):
    (problem,) = word_problems(load_label_set(text.split("\n")))
    assert (problem.kind, problem.refused) == (kind, False)


def test_a_group_that_leads_into_a_circle_is_not_the_circle():
    assert kinds("[a, under b]\nx\n[b, under c]\ny\n[c, under b]\nz") == ["groups"]


@pytest.mark.usefixtures("unchecked_types")
def test_many_clean_labels_have_no_problem():
    assert kinds("\n".join(f"thing{i}: item{i}; not other{i}" for i in range(10_000))) == []
