"""Vocabularies and label lists that people and spreadsheets edited."""

import pytest

from tagalign.cli.main import main
from tagalign.errors import DataError, InputError
from tagalign.tags import ParsedCaption, TagVocabulary
from tagalign.tags.fixed_list import FixedListParser
from tagalign.tags.label_sets import load_label_set
from tagalign.tags.shard_vocabulary import label_shards
from tagalign.tags.shards import open_writer, to_batch

HEAD = "id\ttag\tkind\tcount\n"
PARSES = [ParsedCaption(objects=("car", "hot dog"), attributes=("red",))]


def load(path, text, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    return TagVocabulary.load(path)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-8"])
def test_marks_line_ends_quotes_and_blank_lines_do_not_matter(tmp_path, encoding):
    text = (
        HEAD + '0\t"car"\tobject\t1,200\n\n \t\t\n1\t Hot  Dogs \tObjects\t3.0\t\n2\tred\tattribute\t\n'
    ).replace("\n", "\r\n")
    vocabulary = load(tmp_path / "v.tsv", text, encoding)
    assert vocabulary.names == ("car", "Hot Dogs", "red")
    assert (vocabulary.kinds, vocabulary.counts) == (("object", "object", "attribute"), (1200, 3, 0))
    assert vocabulary.label(PARSES).indices.tolist() == [0, 1, 2]  # "hot dog" finds "Hot Dogs"


@pytest.mark.parametrize("mark", [";", ","])
def test_columns_may_change_places_and_delimiters(tmp_path, mark):
    text = (
        mark.join(("Kind", "Tag", "Count", "Id"))
        + "\n"
        + mark.join(("object", '"big; red, ""car"""', "3", "9"))
    )
    vocabulary = load(tmp_path / "v.csv", text)
    assert vocabulary.names == ('big; red, "car"',)
    vocabulary.save(tmp_path / "w.tsv")  # a quote was a traceback here
    assert TagVocabulary.load(tmp_path / "w.tsv") == vocabulary


def test_the_line_that_tells_excel_the_separator_and_unseen_letters_are_read_over(tmp_path):
    text = "sep=;\r\nid;tag;kind;count\r\n0;\ufeffca\u200br;object;1\r\n1;red\u00ad;attribute;2\r\n"
    assert load(tmp_path / "v.csv", text).names == ("car", "red")
    (tmp_path / "labels.csv").write_text("sep=,\nname,note\ncar,x\n\u200fhot  dog,y\n")
    assert load_label_set(tmp_path / "labels.csv").names == ("car", "hot dog")


def test_two_spellings_of_one_tag_are_refused_with_their_lines(tmp_path):
    for other in ("Car", " car ", '"car"'):
        with pytest.raises(
            DataError, match=r"v\.tsv:4: the object .* stands twice in one kind, first in line 2"
        ):
            load(tmp_path / "v.tsv", f"{HEAD}0\tcar\tobject\t1\n\n1\t{other}\tobject\t1\n")
    with pytest.raises(DataError, match="stands twice"):  # one word in two Unicode forms
        load(tmp_path / "v.tsv", f"{HEAD}0\tcaf\u00e9\tobject\t1\n1\tcafe\u0301\tobject\t1\n")


def test_tags_that_no_caption_can_match_are_named(tmp_path):
    with pytest.warns(UserWarning, match="1 tags can never be found in a caption: 長椅"):
        load(tmp_path / "v.tsv", f"{HEAD}0\tcar\tobject\t1\n1\t長椅\tobject\t1\n")
    with pytest.warns(UserWarning, match="1 tags are other forms of a tag before them, .*: cars = car"):
        load(tmp_path / "v.tsv", f"{HEAD}0\tcar\tobject\t1\n1\tcars\tobject\t1\n")


def test_a_missing_column_is_named(tmp_path):
    with pytest.raises(DataError, match="it has no 'kind' but id, tag, count"):
        load(tmp_path / "v.tsv", "id\ttag\tcount\n0\tcar\t1\n")
    with pytest.raises(DataError, match="is no text"):
        load(tmp_path / "v.tsv", f"{HEAD}0\tc\0ar\tobject\t1\n")


@pytest.fixture
def tags(tmp_path):
    """Tag rows of three captions."""
    (tmp_path / "tags").mkdir()
    parses = [*PARSES, ParsedCaption(objects=("tree",)), ParsedCaption()]
    fields = ("objects", "attributes", "pairs")
    with open_writer(tmp_path / "tags" / "a.parquet", fields, format="parquet") as writer:
        writer.write_batch(to_batch(["1", "2", "3"], ["", "", ""], parses, fields))
    return tmp_path / "tags"


def test_the_folder_that_the_verb_writes_is_a_vocabulary(tmp_path, tags):
    """The commands of the README: what ``vocabulary --out`` named is what ``--vocabulary`` takes, whatever its name."""
    for name in ("vocabulary", "vocabulary.tsv"):
        made, labels = tmp_path / name, tmp_path / f"labels-of-{name}"
        assert main(["vocabulary", str(tags), "--out", str(made)]) == 0
        assert main(["label", str(tags), "--vocabulary", str(made), "--out", str(labels)]) == 0
        assert TagVocabulary.load(labels) == TagVocabulary.load(made / "vocabulary.tsv")
        assert FixedListParser.load(made).parse(["a car"])[0].objects == ("car",)


def test_labels_that_match_nothing_are_refused_with_words_of_both_sides(tmp_path, tags, capsys):
    (tmp_path / "v.tsv").write_text(f"{HEAD}0\tzebra\tobject\t1\n")
    flags = ["label", str(tags), "--vocabulary", str(tmp_path / "v.tsv"), "--out", str(tmp_path / "labels")]
    assert main(flags) == 2
    said = capsys.readouterr().err
    assert (
        "0 of 3 captions have a tag of the list; the captions say car, hot dog, tree, red, the list says zebra"
        in said
    )
    (tmp_path / "v.tsv").write_text(HEAD)
    assert main(flags) == 2
    assert "the vocabulary holds no tag" in capsys.readouterr().err


def test_labels_replace_neither_tags_nor_each_other(tmp_path, tags):
    vocabulary = TagVocabulary.of([("object", "car", 1)])
    before = (tags / "a.parquet").read_bytes()
    with pytest.raises(InputError, match=r"would replace the tags .*a\.parquet"):
        label_shards([tags / "a.parquet"], vocabulary, tags)
    with pytest.raises(InputError, match=r"would both become a\.parquet"):
        label_shards([tags / "a.parquet", tmp_path / "b" / "a.parquet"], vocabulary, tmp_path / "out")
    assert (tags / "a.parquet").read_bytes() == before


def test_label_lists_of_spreadsheets(tmp_path):
    for name, text in (
        ("a.txt", '\ufeffdog\r\n\r\n"hot dog, big"\r\n'),
        ("a.csv", 'id;Label\r\n1;dog\r\n2;"hot dog, big"\r\n'),
        ("a.tsv", "name\tid\r\ndog\t1\r\nhot dog, big\t2\r\n"),
    ):
        (tmp_path / name).write_text(text, encoding="utf-8", newline="")
        assert load_label_set(str(tmp_path / name)).names == ("dog", "hot dog, big"), name
    with pytest.raises(InputError, match="stands twice"):
        load_label_set(["caf\u00e9", "Cafe\u0301"])
