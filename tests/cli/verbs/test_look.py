"""The verb look, and --look of the verbs that take one: shards, merging, both passes, refusals.

Through the verb: ``cli/shared/look_flow.py``, ``tasks/folder_look/question.py``, ``tasks/folder_look/gather.py``,
``tasks/folder_look/merge.py``, ``tasks/folder_look/second_pass.py``.
"""

import csv
import io
import json

import numpy as np
import pytest
from PIL import Image

from tagalign.cli.main import main
from tagalign.methods.looks.files import read_look

LABELS = "dog,cat,tree"
pytestmark = pytest.mark.filterwarnings("always:a look at", "always:scores do not differ")
"""Warnings reach the command line's one-line form, as they do for users."""


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Six photos, and three copies of one."""
    root = tmp_path_factory.mktemp("photos")
    for name, seeds in (("photos", range(6)), ("alike", [0, 0, 0]), ("one", [0])):
        (root / name).mkdir()
        for i, seed in enumerate(seeds):
            pixels = np.random.default_rng(seed).integers(0, 255, (24, 40, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / name / f"{i}.png")
    return root


@pytest.fixture
def call(clip_folder, folders, tmp_path, monkeypatch):
    """A verb with the model and labels that all tests share; folders by name."""
    monkeypatch.chdir(folders)

    def run(verb, *flags, out="out", labels=LABELS, method="clip"):
        given = ["--labels", labels, "--model", str(clip_folder), "--method", method, "--device", "cpu"]
        return main([*verb.split(), *flags, *given, *(["--out", str(tmp_path / out)] if out else [])])

    return run


def table(folder):
    return list(csv.DictReader((folder / "tags.csv").read_text().splitlines()))


@pytest.fixture
def look(call, tmp_path):
    assert call("look", "photos", out="look") == 0
    return tmp_path / "look"


def test_few_photos_are_warned_of(call, capsys):
    assert call("look", "photos") == 0
    said = capsys.readouterr().err
    assert "a look at 6 photos: deviations are mostly chance below 20" in said
    assert "6 photos looked at, kept in " in said


def test_shards_and_any_split_give_the_same_bytes(call, look, tmp_path, capsys):
    for shard in ("1/3", "0/3"):
        assert call("look", "photos", "--shard", shard, out="shards") == 0
        assert not (tmp_path / "shards/look.json").exists()
    assert "the look is written with the last of them" in capsys.readouterr().err
    assert call("look", "photos", "--shard", "2/3", "--part-size", "1", out="shards") == 0
    assert (tmp_path / "shards/look.json").read_bytes() == (look / "look.json").read_bytes()
    halves = []
    for name, photos in (("a", [0, 1, 5]), ("b", [2, 3, 4])):
        assert call("look", *(f"photos/{i}.png" for i in photos), out=name) == 0
        halves.append(str(tmp_path / name))
    for order in (halves, halves[::-1]):
        assert call("look", "--merge", *order, out="merged") == 0
        merged = json.loads((tmp_path / "merged/look.json").read_text())
        whole = json.loads((look / "look.json").read_text())
        # single files have other keys than those below a folder? no: the same paths, so the same marks
        assert merged == whole


def test_a_look_that_was_stopped_goes_on(call, look, tmp_path, capsys):
    part = next((look / "scores").iterdir())
    before = (look / "look.json").read_bytes()
    assert call("look", "photos", out="look") == 0
    assert "6 of 6 photos done before" in capsys.readouterr().err
    part.unlink()
    assert call("look", "photos", out="look") == 0
    assert (look / "look.json").read_bytes() == before


def test_tags_with_a_look_and_with_auto_are_the_same(call, look, tmp_path):
    assert call("tag", "photos", "--look", str(look), "--batch-size", "1", out="given") == 0
    assert call("tag", "photos", "--look", "auto", "--batch-size", "1", out="auto") == 0
    assert call("tag", "photos", "--batch-size", "1", out="plain") == 0
    tables = {name: (tmp_path / name / "tags.csv").read_text() for name in ("given", "auto", "plain")}
    assert tables["given"] == tables["auto"] != tables["plain"]
    named = json.loads((tmp_path / "auto/settings.json").read_text())["model"]["look"]
    assert named == read_look(look).mark()
    # again: nothing is left to do, and nothing changes
    assert call("tag", "photos", "--look", "auto", "--batch-size", "1", out="auto") == 0
    assert (tmp_path / "auto/tags.csv").read_text() == tables["auto"]


def test_scores_are_those_of_plain_numpy(call, look, tmp_path):
    """Plain numpy from the stored scores: logarithm, columns, bounded."""
    assert call("tag", "photos", "--look", "auto", "--batch-size", "1", out="auto") == 0
    assert call("tag", "photos", "--batch-size", "1", out="plain") == 0
    read = [table(tmp_path / name) for name in ("plain", "auto")]
    raw, found = ([[float(row[name]) for name in LABELS.split(",")] for row in rows] for rows in read)
    rows = np.log(np.array(raw))
    z = (rows - rows.mean(axis=0)) / rows.std(axis=0, ddof=1) - 2
    # the table has six digits, and a deviation of nearly equal photos divides their rounding
    np.testing.assert_allclose(found, (1 + z / (1 + np.abs(z))) / 2, atol=5e-3)


@pytest.mark.parametrize("method", ["clip", "piaa"])
def test_the_second_pass_has_the_photos_and_parts_of_the_first(method, call, folders, tmp_path, monkeypatch):
    """Paths on standard input come once, and a run that goes on keeps the size of its parts."""
    flags = ("tag", "-", "--look", "auto", "--no-summary")
    names = "".join(f"photos/{i}.png\n" for i in range(6))
    monkeypatch.setattr("sys.stdin", io.StringIO(names))
    assert call(*flags, "--part-size", "4", method=method) == 0
    rows = table(tmp_path / "out")
    assert [row["key"] for row in rows] == names.split()
    for part in (tmp_path / "out/tags").iterdir():
        part.unlink()  # as after a kill between both passes
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert call(*flags, "--part-size", "2", method=method) == 0
    assert table(tmp_path / "out") == rows
    assert len(list((tmp_path / "out/tags").iterdir())) == 2


def test_auto_prints_and_counts_failures_like_one_pass(call, folders, tmp_path, capsys):
    (tmp_path / "bad.png").write_bytes(b"no picture")
    assert call("tag", "photos", str(tmp_path / "bad.png"), "--look", "auto", "--json") == 0
    printed = capsys.readouterr()
    assert len(printed.out.splitlines()) == 6
    assert "1 failed" in printed.err
    assert "bad.png" in (tmp_path / "out/errors.jsonl").read_text()


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("tag", "photos", "--look", "nowhere"), "no look is there"),
        (("tag", "photos", "--look", "auto", "--shard", "0/2"), "--look auto waits for all photos"),
        (("tag", "photos", "--look", "auto", "--engine", "ray"), "--look auto waits for all photos"),
        (("look",), "give photos to look at"),
        (("look", "photos", "--merge", "a", "b"), "--merge takes looks, not photos"),
        (("look", "--merge", "a"), "at least 2 looks to merge, got 1"),
        (("look", "one"), "expected at least 2 that can be read, got 1"),
        (("segment", "photos", "--look", "auto"), "--look auto is for `tagalign tag` alone"),
        (("segment", "photos", "--look", "nowhere"), "--look does not act on masks of method 'clip'; it does with cls-seg"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said_in_one_line(call, capsys, flags, said):
    assert call(*flags) == 2
    err = capsys.readouterr().err
    assert said in err
    assert "Traceback" not in err


def test_another_model_method_or_label_set_is_refused_before_the_first_photo(call, look, capsys, tmp_path):
    for more, said in (
        ({"labels": "dog,cat"}, "other labels than are asked (only there: tree)"),
        ({"method": "maskclip"}, "another method: method = 'clip', now it is 'maskclip'"),
        # of all that differs between the two, the method is named first
        ({"method": "tagclip"}, "another method: method = 'clip', now it is 'tagclip'"),
    ):
        assert call("tag", "photos", "--look", str(look), **more) == 2
        assert said in capsys.readouterr().err
        assert not list(tmp_path.glob("out/tags/*"))


def test_looks_of_other_labels_or_of_the_same_photos_do_not_merge(call, look, tmp_path, capsys):
    assert call("look", "photos", out="other", labels="dog,cat") == 0
    assert call("look", "--merge", str(look), str(tmp_path / "other")) == 2
    assert "other labels" in capsys.readouterr().err
    assert call("look", "--merge", str(look), str(look)) == 2
    assert "would count twice" in capsys.readouterr().err


def test_photos_all_alike_say_nothing_and_never_nan(call, tmp_path, capsys):
    assert call("tag", "alike", "--look", "auto") == 0
    assert "say nothing" in capsys.readouterr().err
    scores = {row[name] for row in table(tmp_path / "out") for name in LABELS.split(",")}
    assert {round(float(score), 4) for score in scores} == {0.1667}


def test_search_takes_a_look_for_its_tags(call, look, tmp_path):
    assert (
        call("search index", "photos", "--look", str(look), "--index", str(tmp_path / "index"), out=None) == 0
    )


def test_search_asks_for_the_labels_of_the_look(folders, clip_folder, look, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(folders)
    flags = ["--look", str(look), "--model", str(clip_folder), "--index", str(tmp_path / "index")]
    assert main(["search", "index", "photos", *flags]) == 2
    assert "an index without --labels has no tags of yours; add --labels" in capsys.readouterr().err
    assert not (tmp_path / "index").exists()


@pytest.mark.parametrize("command", [["serve"], ["search", "index", "photos"]])
def test_auto_is_for_tag_alone(command, look, capsys, clip_folder):
    assert main([*command, "--look", "auto", "--model", str(clip_folder)]) == 2
    assert "--look auto is for `tagalign tag` alone" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["tag", "segment"])
def test_labels_that_found_no_patch_are_named(verb, call, tmp_path, capsys):
    """With the profile fixed those that the bank holds no patch of, and no others."""
    names = [f"thing {i}" for i in range(40)]
    assert call("look", "photos", out="look", labels=",".join(names), method="piaa") == 0
    held = read_look(tmp_path / "look").tensors["bank.labels"].unique().tolist()
    dead = [name for i, name in enumerate(names) if i not in held]
    assert dead
    capsys.readouterr()
    assert call(verb, "photos", "--look", str(tmp_path / "look"), labels=",".join(names), method="piaa") == 0
    said = capsys.readouterr().err
    assert f"no patch of the folder is surest of {len(dead)} of 40 labels ({', '.join(dead[:10])}" in said


def test_other_words_are_left_out_only_where_a_method_knows_them(call, tmp_path, capsys):
    assert call("segment", "photos/0.png", "--no-aliases", out="masks") == 0
    assert json.loads((tmp_path / "masks/settings.json").read_text())["model"]["use_aliases"] is False
    assert call("segment", "photos/0.png", out="with") == 0
    assert json.loads((tmp_path / "with/settings.json").read_text())["model"]["use_aliases"] is True
