"""``tagalign labels import`` and ``overlap`` as people call them, against plain sets of names."""

import json

import pytest

from tagalign.cli.main import main
from tagalign.tags.label_sets import load_label_set
from tagalign.tags.overlap import PUBLISHED, held, overlap_of_names

HICO = "person board airplane\nperson sit_on bench\nperson ride bicycle\nperson ride horse\n"


@pytest.fixture
def hico(tmp_path):
    path = tmp_path / "hico_600_taglist.txt"
    path.write_text(HICO)
    return path


def test_an_imported_list_is_a_label_set_that_names_its_source(tmp_path, hico, capsys):
    out = tmp_path / "hico.json"
    assert main(["labels", "import", "hico", str(hico), "--out", str(out), "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out) == {"kind": "hico", "names": 3, "labels": 3}
    assert "the release has 117 names, this file 3" in said.err
    assert "Apache-2.0" in json.loads(out.read_text())["source"]
    assert load_label_set(out).names == ("board", "sit on", "ride")
    assert main(["labels", "check", str(out)]) == 0


def test_overlaps_are_those_of_plain_sets(tmp_path, capsys):
    """Names in canonical form already, so that sets of strings are the oracle."""
    mine = ["dog", "kite", "ride", "red", "traffic light"]
    others = {"one": ["dog", "cat"], "two": ["ride", "run", "traffic light"], "hico": ["sit"]}
    (tmp_path / "mine.json").write_text(json.dumps({"name": "mine", "labels": [{"name": n} for n in mine]}))
    paths = []
    for name, names in others.items():
        paths.append(tmp_path / f"{name}.json")
        paths[-1].write_text(json.dumps({"name": name, "labels": [{"name": n} for n in names]}))
    assert main(["labels", "overlap", str(tmp_path / "mine.json"), *map(str, paths), "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    for row, (name, names) in zip(rows, others.items(), strict=True):
        assert row["label_set"] == name
        assert (row["original"], row["overlapping"]) == (len(names), len(set(mine) & set(names)))
        assert set(row["missing"]) == set(names) - set(mine)
    assert main(["labels", "overlap", str(tmp_path / "mine.json"), str(paths[-1])]) == 0
    assert "| hico | 1 | 0 | 0.0% | 90 of 117 | sit |" in capsys.readouterr().out


def test_spellings_and_numbers_count_once():
    assert held(["Dogs", "riding"], [("dog",), ("ride", "mount"), ("cat",)]) == (0, 1)
    row = overlap_of_names(["Dogs"], [("dog",), ("cat",)], name="x")
    assert (row.label_set, row.overlapping, row.missing) == ("x", 1, ("cat",))


def test_a_benchmark_says_how_many_images_remain(tmp_path, capsys):
    folder = tmp_path / "openimages_common_214"
    folder.mkdir()
    (folder / "openimages_common_214_ram_taglist.txt").write_text("dog\ncat\nboat\n")
    (folder / "openimages_common_214_ram_annots.txt").write_text("a,dog,boat\nb,cat\nc\nd,boat\n")
    asked = ["labels", "overlap", "dog,tree,boat", "--benchmarks", f"openimages-common={tmp_path}"]
    assert main(asked) == 0
    assert "| openimages-common | 3 | 2 | 4 | 2 | 214 labels, 57,224 images |" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["import", "hico"], "import takes one file, got 0"),
        (["import", "hico", "{file}"], "--out must name the label set to write"),
        (["import", "hico", "{file}", "--out", "{out}.txt"], "--out must name the label set"),
        (
            ["import", "hic", "{file}", "--out", "{out}.json"],
            "unknown kind of list 'hic'; did you mean 'hico'",
        ),
        (["import", "coco91", "{file}", "--out", "{out}.json"], "expected 'ID: NAME'"),
        (["overlap", "dog"], "overlap compares: give other lists behind the first"),
        (["overlap", "dog", "--benchmarks", "voc21=x"], "voc21 is no tagging benchmark"),
        (
            ["overlap", "dog", "voc20", "--out", "{out}.json"],
            "--out: for tagalign labels check and import alone",
        ),
        (["overlap", "dog", "voc20", "--model", "tiny"], "--model: for tagalign labels check alone"),
        (
            ["check", "dog", "--benchmarks", "voc2007-tags=x"],
            "--benchmarks: for tagalign labels overlap alone",
        ),
    ],
)
def test_what_cannot_be_is_one_line_and_leaves_no_file(tmp_path, hico, capsys, args, message):
    out = tmp_path / "new"
    assert main(["labels", *(one.format(file=hico, out=out) for one in args)]) == 2
    assert message in capsys.readouterr().err
    assert sorted(p.name for p in tmp_path.iterdir()) == [hico.name]


def test_published_counts_are_the_papers():
    assert PUBLISHED["openimages"] == (19_982, 1988)
    assert all(shared > 0 for _, shared in PUBLISHED.values())
