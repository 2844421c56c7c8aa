"""``tagalign label``: the summary as JSON, in the settings, and on standard error."""

import json

import pyarrow.parquet as pq
import pytest

from tagalign.cli.main import main
from tagalign.tags import ParsedCaption
from tagalign.tags.shards import open_writer, to_batch

FIELDS = ("objects", "attributes", "pairs")


@pytest.fixture
def tags(tmp_path):
    parses = [
        ParsedCaption(objects=("car", "dog"), attributes=("red",)),
        ParsedCaption(objects=("dog",)),
        ParsedCaption(objects=("sky",)),
    ]
    (tmp_path / "tags").mkdir()
    with open_writer(tmp_path / "tags/a.parquet", FIELDS, format="parquet") as writer:
        writer.write_batch(to_batch(["1", "2", "3"], ["x", "y", "z"], parses, FIELDS))
    (tmp_path / "v.tsv").write_text(
        "id\ttag\tkind\tcount\n0\tdog\tobject\t1\n1\tred\tattribute\t1\n2\tboat\tobject\t1\n"
    )
    return [
        "label",
        str(tmp_path / "tags"),
        "--vocabulary",
        str(tmp_path / "v.tsv"),
        "--out",
        str(tmp_path / "out"),
    ]


def test_what_was_labelled_is_said_three_times_alike(tags, tmp_path, capsys):
    assert main([*tags, "--json"]) == 0
    captured = capsys.readouterr()
    wanted = {"rows": 3, "labelled": 2, "labels": 3, "unused_tags": 1}
    assert json.loads(captured.out) == wanted
    assert "2 of 3 captions have a tag of the list" in captured.err
    assert json.loads((tmp_path / "out/settings.json").read_text())["summary"] == wanted
    assert pq.read_table(tmp_path / "out/a.parquet").column("tags").to_pylist() == [[0, 1], [0], []]


def test_kinds_are_chosen_and_none_is_refused(tags, tmp_path, capsys):
    assert main([*tags, "--kinds", "attribute"]) == 0
    assert pq.read_table(tmp_path / "out/a.parquet").column("tags").to_pylist() == [[1], [], []]
    assert main([*tags, "--kinds", "object"]) == 2  # labels of other kinds lie there
    assert main([*tags, "--kinds", "object", "--overwrite"]) == 0
    assert pq.read_table(tmp_path / "out/a.parquet").column("tags").to_pylist() == [[0], [0], []]
    capsys.readouterr()
