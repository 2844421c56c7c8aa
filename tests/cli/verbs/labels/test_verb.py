"""``tagalign labels check`` as people call it: what is listed, what it ends with, what is not opened."""

import json

import pytest
from PIL import Image

from tagalign.cli.main import main
from tagalign.data.tiny_world import TinyWorld
from tagalign.tasks.photos.sinks import TagParquet

GOOD = "[animal]\ndog: puppy; not cat\ncat\n[]\ncar: automobile\ncars\nxqzvwk\n"


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenes")
    for i, scene in enumerate(TinyWorld(seed=0, split="validation").take(24)):
        Image.fromarray(scene.image).save(folder / f"{i:02}.png")
    return folder


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("dog\nDog\n", "repeated"),
        ("cup: mug\nglass: mug\n", "synonym-of-two"),
        ("cup: mug; not mug\n", "own-negative"),
        ("[a, under b]\nx\n[b, under a]\ny\n", "groups"),
    ],
)
def test_what_would_be_refused_ends_with_2(tmp_path, capsys, text, kind):
    path = tmp_path / "labels.txt"
    path.write_text(text)
    assert main(["labels", "check", str(path), "--json"]) == 2
    out, err = capsys.readouterr()
    assert [json.loads(line)["kind"] for line in out.splitlines() if json.loads(line)["refused"]] == [kind]
    assert "1 of them to be mended" in err
    assert "was not asked" not in err
    assert main(["labels", "check", str(path), "--model", "tiny"]) == 2
    assert "tiny was not asked" in capsys.readouterr().err
    assert (
        main(["tag", "nothing", "--labels-file", str(path), "--model", "tiny"]) == 2
    )  # and it is refused there


def test_words_alone_open_no_model(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("tagalign.tasks.photos.job.load_method", lambda *a, **k: pytest.fail("opened"))
    path = tmp_path / "labels.txt"
    path.write_text(GOOD)
    assert main(["labels", "check", str(path)]) == 0
    out, err = capsys.readouterr()
    assert [line[2:18].strip() for line in out.splitlines()] == ["excluded label", "one word"]
    assert "5 labels: 2 problems\n" in err


def test_a_model_and_photos_add_what_they_know(tmp_path, capsys, scenes):
    path = tmp_path / "labels.txt"
    path.write_text(GOOD + "igloo\n")
    assert (
        main(["labels", "check", str(path), str(scenes), "--model", "tiny", "--method", "maskclip", "--json"])
        == 0
    )
    kinds = {json.loads(line)["kind"] for line in capsys.readouterr().out.splitlines()}
    assert {"negative-is-label", "plural", "unknown-word"} <= kinds
    few = str(scenes / "00.png")
    assert main(["labels", "check", str(path), few, "--model", "tiny", "--method", "maskclip"]) == 0
    assert "photos are too few to compare labels, got 1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["labels", "check", "nothing.txt"], "no such label file"),
        (["labels", "check", "dog,,cat"], "label 2 of 3"),
        (["labels", "check", "dog", "nowhere", "--model", "tiny"], "nowhere"),
        (["labels", "check", "dog", "--bound", "2"], "--bound"),
        (["labels", "check", "dog", "--limit", "0"], "--limit"),
        (["labels", "check", "dog", "--limit", "5"], "--limit is about photos"),
        (["labels", "check", "dog", "--out", "x"], "--out is about photos"),
        (["labels", "check", "dog", "--part-size", "0"], "--part-size"),
        (["labels", "overlap", "dog", "cat", "--out", "x"], "check and import alone"),
        (
            ["labels", "import", "ram", "x", "--part-size", "7", "--out", "y.json"],
            "for tagalign labels check alone",
        ),
        (["labels", "check", "dog", "--bound", "0.9", "--model", "tiny"], "--bound is about photos"),
    ],
)
def test_bad_input_is_one_line(capsys, args, message):
    assert main(args) == 2
    err = capsys.readouterr().err
    assert message in err
    assert "Traceback" not in err


def test_a_check_that_was_stopped_goes_on_and_says_the_same(tmp_path, capsys, scenes, monkeypatch):
    """Stopped in the second of three parts; photos of the first are never opened again."""
    path, out = tmp_path / "labels.txt", tmp_path / "out"
    path.write_text(GOOD + "igloo\n")
    asked = [
        "labels",
        "check",
        str(path),
        str(scenes),
        "--model",
        "tiny",
        "--method",
        "maskclip",
        "--limit",
        "22",
    ]
    assert main([*asked, "--json"]) == 0
    whole = capsys.readouterr().out
    kept = [*asked, "--json", "--out", str(out), "--part-size", "10"]
    with monkeypatch.context() as patch:
        write = TagParquet.table.write
        parts = []

        def stop(table, place, rows):
            parts.append(place)
            if len(parts) == 2:
                raise KeyboardInterrupt
            write(place, rows)

        patch.setattr(type(TagParquet.table), "write", stop)
        assert main(kept) != 0
    capsys.readouterr()
    assert main(kept) == 0
    again = capsys.readouterr()
    assert "10 of 22 photos done before" in again.err
    assert again.out == whole
    assert main([*kept, "--limit", "5"]) == 2
    assert "choose another --out, or add --overwrite" in capsys.readouterr().err
    assert main([*kept, "--limit", "5", "--overwrite"]) == 0
