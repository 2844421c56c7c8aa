"""TagVocabulary against counts done by hand."""

import numpy as np
import pytest

from tagalign.errors import DataError, InputError
from tagalign.tags import ParsedCaption, TagVocabulary
from tagalign.tags.vocabulary import normalize_merges

PARSES = [
    ParsedCaption(objects=("cars", "grass"), attributes=("red",)),
    ParsedCaption(objects=("car", "car"), attributes=("red", "blue")),
    ParsedCaption(objects=("tree",)),
    ParsedCaption(),
]


def test_counts_captions_not_mentions_and_orders_by_count_then_name():
    vocabulary = TagVocabulary.count(PARSES, sizes={"object": 2, "attribute": 5})
    assert vocabulary.names == ("car", "grass", "red", "blue")  # "tree" ties with "grass" and K is 2
    assert vocabulary.kinds == ("object", "object", "attribute", "attribute")
    assert vocabulary.counts == (2, 1, 2, 1)


def test_labels_are_sorted_index_lists_and_unknown_tags_are_left_out():
    vocabulary = TagVocabulary.count(PARSES, sizes={"object": 2, "attribute": 5})
    labels = vocabulary.label(PARSES)
    assert labels.indptr.tolist() == [0, 3, 6, 6, 6]
    assert labels.indices.tolist() == [0, 1, 2, 0, 2, 3]
    assert (labels.indptr.dtype, labels.indices.dtype) == (np.int64, np.int32)
    assert vocabulary.label(PARSES, kinds=("object",)).indices.tolist() == [0, 1, 0]


def test_saved_list_loads_equal(tmp_path):
    vocabulary = TagVocabulary.count(PARSES)
    vocabulary.save(tmp_path / "vocabulary.tsv")
    assert TagVocabulary.load(tmp_path / "vocabulary.tsv") == vocabulary


def test_bad_line_is_named(tmp_path):
    (tmp_path / "v.tsv").write_text("id\ttag\tkind\tcount\n0\tcar\tobject\tmany\n")
    with pytest.raises(DataError, match=r"v\.tsv:2: expected id<TAB>tag<TAB>kind<TAB>count"):
        TagVocabulary.load(tmp_path / "v.tsv")


def test_unknown_kind_is_refused():
    with pytest.raises(InputError, match="colour=3"):
        TagVocabulary.count(PARSES, sizes={"colour": 3})


def test_merges_count_as_one_and_label_as_one():
    parses = [ParsedCaption(objects=("couches",)), ParsedCaption(objects=("sofa", "couch"))]
    vocabulary = TagVocabulary.count(parses, merges={"couch": "sofa"})
    assert (vocabulary.names, vocabulary.counts, vocabulary.aliases) == (("sofa",), (2,), (("couch",),))
    assert vocabulary.label(parses).indptr.tolist() == [0, 1, 2]


def test_merges_survive_saving(tmp_path):
    vocabulary = TagVocabulary.count([ParsedCaption(objects=("couch",))], merges={"couch": "sofa"})
    vocabulary.save(tmp_path / "vocabulary.tsv")
    assert TagVocabulary.load(tmp_path / "vocabulary.tsv") == vocabulary


def test_merge_chains_end_and_circles_do_not_hang():
    assert normalize_merges({"couch": "settee", "settee": "sofa"}) == {"couch": "sofa", "settee": "sofa"}
    assert normalize_merges({"couch": "couches"}) == {}
    assert len(normalize_merges({"couch": "sofa", "sofa": "couch"})) <= 2


def test_a_person_may_renumber_and_delete_lines(tmp_path):
    (tmp_path / "v.tsv").write_text("id\ttag\tkind\tcount\n7\tcar\tobject\t3\n\n9\tred\tattribute\t1\n")
    vocabulary = TagVocabulary.load(tmp_path / "v.tsv")
    assert (vocabulary.index("object", "cars"), vocabulary.index("attribute", "red")) == (0, 1)


def test_a_tag_twice_in_one_kind_is_refused(tmp_path):
    (tmp_path / "v.tsv").write_text("id\ttag\tkind\tcount\n0\tcar\tobject\t3\n1\tcar\tobject\t3\n")
    with pytest.raises(DataError, match="stands twice"):
        TagVocabulary.load(tmp_path / "v.tsv")


def test_frequencies_count_captions():
    vocabulary = TagVocabulary.count(PARSES, sizes={"object": 2, "attribute": 5})
    assert vocabulary.label(PARSES).frequencies(len(vocabulary)).tolist() == list(vocabulary.counts)
