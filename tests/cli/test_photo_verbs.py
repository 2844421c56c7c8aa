"""What all verbs with photos share, through ``main``: streams, odd names and values, flags that act, results kept apart."""

import csv
import io
import json
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tagalign.cli.main import main
from tagalign.cli.shared.mask_sinks import MaskFiles

VERBS = {
    "tag": ["--labels", "dog,cat", "--templates", "1", "--no-cache"],
    "segment": ["--labels", "dog,cat"],
    "refer": ["--phrase", "a dog"],
    "index": [],
}


@pytest.fixture
def run(clip_folder, tmp_path, capsys):
    """Run a verb on inputs; returns exit code, lines on standard output and what was said."""

    def call(verb, *inputs, flags=(), out="out"):
        words = ["search", "index"] if verb == "index" else [verb]
        place = ["--index" if verb == "index" else "--out", str(tmp_path / out)]
        model = ["--model", str(clip_folder), "--device", "cpu"]
        code = main([*words, *map(str, inputs), *VERBS[verb], *place, *model, *flags])
        captured = capsys.readouterr()
        return code, captured.out.splitlines(), captured.err

    return call


@pytest.fixture
def photos(photo, tmp_path) -> Path:
    folder = tmp_path / "photos"
    (folder / "sub").mkdir(parents=True)
    for name in ("a.png", "sub/b.jpg"):
        photo.save(folder / name)
    return folder


def lines(path: Path) -> list:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_lines_on_standard_input_end_as_on_any_system(run, photos, monkeypatch, verb):
    text = f"{photos}/a.png\r\n\r\n{photos}/sub/b.jpg\r\n".encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))
    code, _, err = run(verb, "-")
    assert code == 0
    assert "2 " in err
    assert "failed" not in err


@pytest.mark.parametrize("verb", sorted(VERBS))
@pytest.mark.parametrize("stdin", [None, "closed"])
def test_closed_standard_input_is_one_line(run, monkeypatch, verb, stdin):
    stream = None if stdin is None else io.StringIO()
    if stream is not None:
        stream.close()
    monkeypatch.setattr(sys, "stdin", stream)
    code, _, err = run(verb, "-")
    assert code == 2
    assert "no path came on standard input" in err


def test_labels_that_standard_output_cannot_hold_end_no_run(run, photos, monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    code, _, _ = run("tag", photos, flags=["--json", "--labels", "狗,cat"])
    sys.stdout.flush()
    assert code == 0
    assert [set(json.loads(line)["scores"]) for line in raw.getvalue().splitlines()] == [{"狗", "cat"}] * 2


@pytest.mark.parametrize(
    ("verb", "flag"), [("tag", "--labels"), ("segment", "--labels"), ("refer", "--phrase")]
)
def test_words_that_are_no_text_are_one_line(run, photos, verb, flag):
    code, _, err = run(verb, photos, flags=[flag, os.fsdecode(b"caf\xe9")])
    assert code == 2
    assert "expected UTF-8 text" in err


def test_a_query_that_is_no_text_is_one_line_unless_it_is_a_photo(run, photos, tmp_path, capsys):
    run("index", photos)
    odd = photos / os.fsdecode(b"caf\xe9.png")
    try:
        shutil.copyfile(photos / "a.png", odd)
    except OSError:
        pytest.skip("this file system takes names in UTF-8 alone")
    for query, expected in ((os.fsdecode(b"caf\xe9"), 2), (str(odd), 0)):
        assert (
            main(["search", "query", query, "--index", str(tmp_path / "out"), "--device", "cpu"]) == expected
        )
        assert ("expected UTF-8 text" in capsys.readouterr().err) == bool(expected)


def test_names_that_this_system_cannot_write_are_one_line(run, photo, tmp_path, monkeypatch):
    """As where Python's UTF-8 mode is off and the locale has one byte a letter."""
    photo.save(tmp_path / "狗.png")
    monkeypatch.setattr("tagalign.atomic.os.fsencode", lambda name: name.encode("ascii", "surrogateescape"))
    with pytest.raises(UnicodeEncodeError):  # where names are UTF-8 that is a fault of ours
        run("segment", tmp_path / "狗.png")
    monkeypatch.setattr(sys, "getfilesystemencoding", lambda: "ascii")
    code, _, err = run("segment", tmp_path / "狗.png", out="again")
    assert code == 2
    assert err.splitlines()[-1].endswith(r"names of files are ascii here, without '\u72d7'; set PYTHONUTF8=1")


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_odd_names_and_broken_photos_are_done_or_listed(run, photos, photo, verb):
    photo.save(photos / "good.png")
    (photos / "good.png").rename(photos / os.fsdecode(b"caf\xe9.png"))
    (photos / os.fsdecode(b"bad\xe9.png")).write_bytes(b"no image")
    photo.save(photos / ("長" * 82 + ".png"))
    code, _, err = run(verb, photos)
    assert code == 0, err
    out = photos.parent / "out"
    assert [row["path"] for row in lines(out / "errors.jsonl")] == [f"{photos}/bad\\xe9.png"]
    assert "1 failed" in err
    for path in out.rglob("*.json*"):
        path.read_bytes().decode("utf-8")


def test_the_answer_about_a_single_photo_is_said(run, photos):
    """As the files have it: who asks about one photo wants no folder."""
    said = {verb: run(verb, photos / "a.png", out=verb)[2] for verb in ("tag", "segment", "refer")}
    row = next(csv.DictReader((photos.parent / "tag" / "tags.csv").read_text().splitlines()))
    best = ", ".join(f"{name} {float(row[name]):.2f}" for name in row["tags"].split("|"))
    assert f"a.png: {best}\n" in said["tag"]
    (masks,) = lines(photos.parent / "segment" / "masks.jsonl")
    shares = ", ".join(f"{name} {100 * share:.0f} %" for name, share in masks["shares"].items())
    assert f"a.png: {shares}\n" in said["segment"]
    (region,) = lines(photos.parent / "refer" / "regions.jsonl")
    assert f"a.png: box {tuple(region['box'])} (XYXY, pixels), score {region['score']:.2f}\n" in said["refer"]
    assert "a.png: " not in run("tag", photos, out="many")[2]
    assert "a.png: " not in run("tag", photos / "a.png", out="json", flags=["--json"])[2]


def test_the_pages_that_were_written_are_named(run, photos):
    for verb in ("tag", "segment"):
        page = photos.parent / verb / "index.html"
        assert f"to look at: {page}\n" in run(verb, photos, out=verb)[2]
        assert page.exists()
        assert "to look at" not in run(verb, photos, out=f"{verb}-plain", flags=["--no-summary"])[2]


@pytest.mark.parametrize("verb", ["segment", "refer"])
def test_a_line_of_json_leads_to_the_mask(run, photos, verb):
    code, out, _ = run(verb, photos, flags=["--json"])
    assert code == 0
    for line in map(json.loads, out):
        with Image.open(line["mask"]) as mask, Image.open(line["path"]) as seen:
            assert mask.size == seen.size


@pytest.mark.parametrize("verb", ["tag", "segment", "refer"])
def test_results_inside_the_folder_are_never_input(run, photos, verb):
    out = "photos/results"
    assert run(verb, photos, out=out)[0] == 0
    again = run(verb, photos, out=out)
    assert "2 of 2 photos done before" in again[2]
    assert run(verb, photos, out=out, flags=["--overwrite"])[0] == 0
    code, _, err = run(verb, photos, out="elsewhere")
    assert code == 0
    assert f"{photos}/results: holds results, not searched" in err
    assert len(lines(photos.parent / "elsewhere" / "inputs-00000-of-00001.jsonl")) == 2


@pytest.mark.parametrize("verb", ["segment", "refer"])
def test_results_never_lie_over_photos(run, photos, verb):
    before = (photos / "a.png").read_bytes()
    code, _, err = run(verb, photos, out="photos")
    assert code == 2
    assert "results would lie among the photos" in err
    assert (photos / "a.png").read_bytes() == before


def test_settings_stand_before_the_first_mask(run, photos, monkeypatch, tmp_path):
    seen = []

    def row(self, job, answered):
        seen.append(json.loads((self.folder / "settings.json").read_text())["labels"])
        raise KeyboardInterrupt

    monkeypatch.setattr(MaskFiles, "row", row)
    code, _, err = run("segment", photos)
    assert code == 130
    assert "stopped" in err
    assert seen == [["dog", "cat"]]


def test_masks_of_a_stopped_run_are_exported_and_the_run_goes_on(run, photos, photo, monkeypatch, tmp_path):
    for i in range(4):
        photo.save(photos / f"{i}.png")
    whole, row, count = MaskFiles.row, MaskFiles.row, []

    def stop(self, job, answered):
        count.append(answered)
        if len(count) == 4:
            raise KeyboardInterrupt
        return row(self, job, answered)

    monkeypatch.setattr(MaskFiles, "row", stop)
    assert run("segment", photos, flags=["--part-size", "2"])[0] == 130
    monkeypatch.setattr(MaskFiles, "row", whole)
    assert (
        main(
            [
                "export",
                "coco",
                str(tmp_path / "out"),
                "--photos",
                str(photos),
                "--out",
                str(tmp_path / "c.json"),
            ]
        )
        == 0
    )
    names = [image["file_name"] for image in json.loads((tmp_path / "c.json").read_text())["images"]]
    assert names == ["0.png", "1.png", "2.png"]
    code, _, err = run("segment", photos, flags=["--part-size", "2"])
    assert code == 0
    assert "2 of 6 photos done before" in err
    assert len(lines(tmp_path / "out" / "masks.jsonl")) == 6


@pytest.mark.filterwarnings("ignore:no font on this machine")  # whether there is one is not the question
def test_every_label_has_its_heat_map_and_every_photo_its_mask(run, photos, photo, tmp_path):
    for name in (".a.png", "a.overlay.png", "A.png"):
        photo.save(photos / name)
    flags = ["--labels", "T-shirt,T shirt,🐕,🐈", "--heat-maps", "--overlay"]
    assert run("segment", photos, flags=flags)[0] == 0
    masks = [row["mask"] for row in lines(tmp_path / "out" / "masks.jsonl")]
    assert len({mask.casefold() for mask in masks}) == 5
    assert len(list((tmp_path / "out").glob("*.png"))) == 5 * (1 + 1 + 4)


@pytest.mark.parametrize("form", [[], ["--rle"]])
def test_flags_act_in_both_forms_of_segment(run, photos, form, tmp_path):
    flags = [*form, "--part-size", "1", "--no-summary"]
    assert run("segment", photos, flags=flags)[0] == 0
    out = tmp_path / "out"
    assert not (out / "index.html").exists()
    assert len(list((out / ("masks" if form else "rows")).iterdir())) == 2
    assert run("segment", photos, flags=[*flags, "--labels", "car,tree"])[0] == 2
    assert run("segment", photos, flags=[*flags, "--labels", "car,tree", "--overwrite"])[0] == 0
    assert json.loads((out / "settings.json").read_text())["labels"] == ["car", "tree"]
    shutil.rmtree(out)
    for shard in ("0/2", "1/2"):
        assert run("segment", photos, flags=[*form, "--shard", shard])[0] == 0
    assert len(list(out.glob("inputs-*.jsonl"))) == 2
    assert (out / "index.html").exists()


def test_grey_of_other_ranges_comes_with_a_note(run, photos, tmp_path):
    values = np.linspace(0, 1, 44 * 60, dtype=np.float32).reshape(44, 60)
    Image.fromarray(values).save(photos / "float.tif")
    code, _, err = run("tag", photos)
    assert code == 0
    assert "float.tif: grey values of 0 to 1 were scaled" in err
    (note,) = lines(tmp_path / "out" / "notes.jsonl")
    assert note["path"] == f"{photos}/float.tif"


def test_photos_are_added_to_an_index_once(run, photos, photo, tmp_path):
    assert "2 photos added" in run("index", photos)[2]
    photo.save(photos / "new.png")
    (photos / "bad.png").write_bytes(b"no image")
    _, _, err = run("index", photos)
    assert "1 photo added" in err
    assert "3 in all, 1 failed" in err
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "errors.jsonl", "index.json", "part-000000.parquet", "part-000001.parquet",
    ]  # fmt: skip
