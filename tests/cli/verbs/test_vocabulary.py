"""``tagalign vocabulary``: lists of the asked lengths, merges, the report and its drawings; and what is refused."""

import json
from xml.etree import ElementTree

import pytest

from tagalign.cli.main import main
from tagalign.tags import ParsedCaption, TagVocabulary
from tagalign.tags.shards import open_writer, to_batch

FIELDS = ("objects", "attributes", "pairs")
PARSES = [
    ParsedCaption(objects=("couch", "dog"), attributes=("red",)),
    ParsedCaption(objects=("sofa", "dog"), attributes=("red", "old")),
    ParsedCaption(objects=("dog", "cat")),
    ParsedCaption(),
]


@pytest.fixture
def call(tmp_path, capsys):
    (tmp_path / "tags").mkdir()
    with open_writer(tmp_path / "tags/a.parquet", FIELDS, format="parquet") as writer:
        writer.write_batch(to_batch(["1", "2", "3", "4"], [""] * 4, PARSES, FIELDS))

    def run(*flags):
        code = main(["vocabulary", str(tmp_path / "tags"), "--out", str(tmp_path / "out"), *map(str, flags)])
        return code, *capsys.readouterr()

    return run


def rows(tmp_path):
    found = TagVocabulary.load(tmp_path / "out/vocabulary.tsv")
    return list(zip(found.kinds, found.names, found.counts, strict=True))


def test_the_most_frequent_of_each_kind_with_their_report(call, tmp_path):
    (tmp_path / "merges.txt").write_text("# old > new\ncouch > sofa\n")
    flags = ("--objects", 2, "--attributes", 1, "--label-sets", "voc20", "--merges", tmp_path / "merges.txt")
    code, out, err = call(*flags, "--json")
    assert code == 0
    assert sorted(rows(tmp_path)) == [("attribute", "red", 2), ("object", "dog", 3), ("object", "sofa", 2)]
    report = json.loads(out)
    assert (report["rows"], report["tags"]) == (4, {"object": 2, "attribute": 1})
    assert report["coverage"]["any"]["2500"] == pytest.approx(3 / 4)
    assert [row["label_set"] if "label_set" in row else row["name"] for row in report["overlap"]] == ["voc20"]
    assert "3 tags of 4 captions" in err
    for name in ("frequency.svg", "cloud.svg"):
        ElementTree.parse(tmp_path / "out" / name)


def test_without_a_report_nothing_is_drawn(call, tmp_path):
    assert call("--no-report", "--attributes", 0)[0] == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["settings.json", "vocabulary.tsv"]
    assert {kind for kind, _, _ in rows(tmp_path)} == {"object"}


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--objects", 0, "--attributes", 0), "list lengths must be at least 0, and one of them more"),
        (("--objects", -1), "list lengths must be at least 0"),
        (("--objects", 0, "--attributes", 0, "--scenes", 5), "no tag in 4 captions"),
        (("--merges", "MERGES"), "expected lines of `tag > tag it counts as`, got 'couch sofa'"),
    ],
)
def test_refusals(call, tmp_path, flags, said):
    (tmp_path / "merges.txt").write_text("couch sofa\n")
    given = [tmp_path / "merges.txt" if flag == "MERGES" else flag for flag in flags]
    code, out, err = call(*given)
    assert (code, out) == (2, "")
    assert said in err
