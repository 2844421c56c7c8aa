"""Overlap of a vocabulary with label sets, counted by hand."""

from tagalign.tags.overlap import overlap, overlap_table
from tagalign.tags.vocabulary import TagVocabulary


def test_names_aliases_and_other_numbers_count_once():
    vocabulary = TagVocabulary(("car", "dog"), ("object", "object"), (2, 1))
    row = overlap(vocabulary, [("cars", "automobile"), ("puppy", "dog"), ("cat",)], name="three")
    assert (row.original, row.overlapping, row.missing) == (3, 2, ("cat",))


def test_shipped_sets_count_under_their_official_names_too():
    vocabulary = TagVocabulary(("kite",), ("object",), (1,))
    rows = {row.label_set: row for row in overlap_table(vocabulary)}
    assert rows["coco-object"].overlapping == 1
    assert overlap_table(vocabulary, ["coco-object"])[0].overlapping == 1
