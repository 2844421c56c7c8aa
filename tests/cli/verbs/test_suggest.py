"""``tagalign suggest``: the label file is used as it is, a second run goes on, captions name the candidates."""

import json

import pytest
from PIL import Image

from tagalign.cli.main import main
from tagalign.data.tiny_world import TinyWorld
from tagalign.tags.label_sets import load_label_set

TINY = ("--model", "tiny")


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenes")
    for i, scene in enumerate(TinyWorld(seed=0, split="validation").take(8)):
        Image.fromarray(scene.image).save(folder / f"{i:02}.png")
    (folder / "broken.png").write_bytes(b"no picture")
    return folder


def test_proposals_are_a_label_file_and_a_page_and_a_second_run_goes_on(tmp_path, capsys, scenes):
    words, out = tmp_path / "words.txt", tmp_path / "out"
    words.write_text("dog\ncar\ntree\nhouse\nsky\ngrass\nboat\nbird\n")
    asked = [
        "suggest",
        str(scenes),
        *TINY,
        "--out",
        str(out),
        "--words",
        str(words),
        "--count",
        "4",
        "--json",
    ]
    assert main(asked) == 0
    first = capsys.readouterr()
    proposed = [json.loads(line) for line in first.out.splitlines()]
    assert len(proposed) == 4
    assert [one["weight"] for one in proposed] == sorted((one["weight"] for one in proposed), reverse=True)
    assert load_label_set(out / "labels.txt").names == tuple(one["name"] for one in proposed)
    page = (out / "index.html").read_text(encoding="utf-8")
    assert all(one["name"] in page for one in proposed)
    assert "tiny knows drawn scenes only" in page
    assert "broken.png" in first.err
    assert main(asked) == 0
    again = capsys.readouterr()
    assert again.out == first.out
    assert "9 of 9 photos done before" in again.err


def test_shards_in_any_order_propose_the_same_bytes(tmp_path, capsys, scenes):
    """Photos one at a time: in a batch of several the last digits of a score may depend on the neighbours."""
    words = tmp_path / "words.txt"
    words.write_text("dog\ncar\ntree\nhouse\nsky\ngrass\nboat\nbird\n")

    def suggest(out, *flags):
        common = [*TINY, "--words", str(words), "--batch-size", "1", "--part-size", "2", "--json"]
        assert main(["suggest", str(scenes), *common, "--out", str(tmp_path / out), *flags]) == 0
        return capsys.readouterr()

    whole = suggest("whole").out
    first = suggest("shards", "--shard", "1/2")
    assert (first.out, (tmp_path / "shards/labels.txt").exists()) == ("", False)
    assert "shard 1/2 is done; labels are proposed with the last of them" in first.err
    assert suggest("shards", "--shard", "0/2").out == whole
    for name in ("labels.txt", "index.html"):
        assert (tmp_path / "shards" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_captions_name_the_candidates_by_their_counts(tmp_path, capsys, scenes):
    captions, out = tmp_path / "captions.jsonl", tmp_path / "out"
    texts = ["a dog on grass", "a dog and a car", "two dogs", "a red car", "a unicorn"]
    captions.write_text(
        "".join(json.dumps({"image": f"{i}.png", "caption": t}) + "\n" for i, t in enumerate(texts))
    )
    assert (
        main(["suggest", str(scenes), *TINY, "--out", str(out), "--captions", str(captions), "--json"]) == 0
    )
    proposed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(one["name"], one["captions"]) for one in proposed] == [("dog", 3), ("car", 2)]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([], "give photos"),
        (["nowhere"], "nowhere"),
        (["."], ""),
        ([".", "--count", "0"], "--count"),
        ([".", "--words", "w.txt", "--captions", "c.txt"], "leave one out"),
        ([".", "--shard", "2/2"], "--shard"),
    ],
)
def test_bad_input_is_one_line(tmp_path, capsys, monkeypatch, args, message):
    monkeypatch.chdir(tmp_path)
    assert main(["suggest", *args, *TINY]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert "Traceback" not in err
