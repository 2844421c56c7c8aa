"""Segment and refer through ``main``: results, exit codes, and every kind of bad input."""

import json
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from forked_runs import run_verb
from PIL import Image

from tagalign.cli.main import main
from tagalign.cli.verbs.table import VERBS
from tagalign.methods.table import DEFAULTS


def opened(path) -> Image.Image:
    """A picture, read whole, its file closed."""
    with Image.open(path) as image:
        image.load()
        return image


@pytest.fixture
def run(clip_folder, tmp_path, capsys):
    """Run a verb with the random CLIP; returns exit code, output lines, error text and the result folder."""

    def call(verb, *args, model=str(clip_folder), out="out"):
        folder = tmp_path / out
        code = main([verb, *map(str, args), "--model", model, "--out", str(folder)])
        captured = capsys.readouterr()
        return code, captured.out.splitlines(), captured.err, folder

    return call


def test_segment_writes_masks_overlays_and_settings(run, photo_file):
    code, out, _err, folder = run(
        "segment", photo_file, "--labels", "dog,grass", "--overlay", "--heat-maps", "--json"
    )
    assert code == 0
    mask = opened(folder / "photo.png")
    assert (mask.mode, mask.size) == ("P", (60, 44))
    assert set(np.unique(np.array(mask))) <= {0, 1}
    row = json.loads(out[0])
    assert sum(row["shares"].values()) == pytest.approx(1)
    assert {p.name for p in folder.iterdir()} == {
        "photo.png", "photo.overlay.png", "photo.dog.heat.png", "photo.grass.heat.png", "settings.json",
        "masks.jsonl", "index.html", "rows", "embeds", "run-00000-of-00001.json", "inputs-00000-of-00001.jsonl",
    }  # fmt: skip
    settings = json.loads((folder / "settings.json").read_text())
    assert settings["model"]["method"] == DEFAULTS["segment"]
    assert settings["settings"]["labels"] == "dog,grass"


def test_names_alone_count_where_that_is_asked(run, photo_file, tmp_path):
    """The first label's other word fits every pixel better than the second label does, so it takes pixels away from it."""
    (tmp_path / "labels.txt").write_text("zebra: dog\ngrass\n")
    asked = ("segment", photo_file, "--labels", tmp_path / "labels.txt")
    assert run(*asked)[0] == run(*asked, "--no-aliases", out="names")[0] == 0
    both, names = (
        json.loads((tmp_path / place / "settings.json").read_text())["model"]["use_aliases"]
        for place in ("out", "names")
    )
    assert (both, names) == (True, False)
    maps = [np.array(opened(tmp_path / place / "photo.png")) for place in ("out", "names")]
    assert not np.array_equal(*maps)


def test_heat_maps_have_the_size_of_a_screen_unless_more_is_asked(run, tmp_path):
    Image.new("RGB", (900, 500), "red").save(tmp_path / "large.png")
    widths = {}
    for side in ("600", "0"):
        code, *_, folder = run(
            "segment", tmp_path / "large.png", "--labels", "dog", "--heat-maps", "--heat-side", side, out=side
        )
        assert code == 0
        widths[side] = opened(folder / "large.dog.heat.png").width
        assert opened(folder / "large.png").size == (900, 500)
    assert 600 <= widths["600"] < 700  # the picture and its margins
    assert widths["0"] >= 900


def test_settings_of_a_run_can_be_used_again_and_flags_win(run, photo_file, capsys, tmp_path):
    _, _, _, folder = run("segment", photo_file, "--labels", "dog,grass", "--method", "sclip")
    config = folder / "settings.json"
    assert (
        main(["segment", "--config", str(config), "--method", "naclip", "--out", str(tmp_path / "again")])
        == 0
    )
    again = json.loads((tmp_path / "again" / "settings.json").read_text())
    assert again["settings"]["labels"] == "dog,grass"
    assert again["model"]["method"] == "naclip"


def test_refer_prints_a_box(run, photo_file):
    code, out, _, folder = run("refer", photo_file, "--phrase", "the red half", "--json")
    assert code == 0
    assert json.loads(out[0])["box"] is not None
    assert (folder / "photo.overlay.png").exists()


def test_one_bad_image_never_ends_a_run(run, photo_file, tmp_path):
    (tmp_path / "bad.jpg").write_bytes(b"no image")
    (tmp_path / "empty.jpg").write_bytes(b"")
    code, _, err, folder = run("segment", tmp_path, "--labels", "dog,grass")
    assert code == 0
    rows = [json.loads(line) for line in (folder / "errors.jsonl").read_text().splitlines()]
    assert {Path(row["path"]).name for row in rows} == {"bad.jpg", "empty.jpg"}
    assert {row["error"] for row in rows} == {"ImageError"}
    assert (folder / "photo.png").exists()
    assert "2 failed" in err


def test_nothing_succeeded_is_exit_2(run, tmp_path):
    (tmp_path / "bad.jpg").write_bytes(b"no image")
    code, _, _err, folder = run("segment", tmp_path / "bad.jpg", "--labels", "dog")
    assert code == 2
    assert not (folder / "settings.json").exists()


def strange_images():
    yield "one pixel", Image.new("RGB", (1, 1))
    yield "strip", Image.new("RGB", (2000, 3))
    yield "grey", Image.new("L", (40, 30))
    yield "palette", Image.new("P", (40, 30))
    yield "transparent", Image.new("RGBA", (40, 30))
    yield "sixteen bit", Image.fromarray(np.full((30, 40), 40000, dtype=np.uint16))


@pytest.mark.parametrize("image", [i for _, i in strange_images()], ids=[n for n, _ in strange_images()])
def test_strange_images_get_a_mask_of_their_size(run, tmp_path, image):
    image.save(tmp_path / "a.png")
    code, _, _, folder = run("segment", tmp_path / "a.png", "--labels", "dog,grass")
    assert code == 0
    assert opened(folder / "a.png").size == image.size


@pytest.mark.parametrize(
    ("labels", "message"),
    [("", "no labels"), ("dog,,cat", "label 2 of 3"), ("dog,dog", "stands twice")],
)
def test_labels_that_cannot_be_used(run, photo_file, labels, message):
    code, _, err, folder = run("segment", photo_file, "--labels", labels)
    assert code == 2
    assert message in err
    assert "Traceback" not in err
    assert not folder.exists()


def test_five_thousand_labels(run, photo_file, tmp_path):
    (tmp_path / "labels.txt").write_text("\n".join(f"thing {i}" for i in range(5000)))
    flags = ["--labels-file", tmp_path / "labels.txt", "--templates", "1"]
    code, _, _, folder = run("segment", photo_file, *flags)
    assert code == 0
    assert opened(folder / "photo.png").mode == "I;16"


@pytest.mark.filterwarnings("default:.*prompt.*:UserWarning")
def test_long_and_foreign_labels_warn_and_work(run, photo_file):
    code, _, err, _ = run("segment", photo_file, "--labels", "🐕,狗," + "very " * 40 + "long")
    assert code == 0
    assert "warning:" in err
    assert "longer than the 77 tokens" in err


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["segment", "none.jpg", "--labels", "a"], "none.jpg: no such file"),
        (["segment", "--labels", "a"], "give at least one image"),
        (["segment", "*.none", "--labels", "a"], "no file matches"),
        (["segment", "x.jpg"], "give labels with --labels"),
        (["refer", "x.jpg", "--phrase", " "], "--phrase is empty"),
        (["segmnt"], "did you mean 'segment'"),
        (["segment", "--config", "none.json"], "none.json: no such file"),
    ],
)
def test_mistakes_get_one_line_and_exit_2(args, message, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    try:
        code = main(args)
    except SystemExit as stop:  # a value that a flag refuses is reported by the flag parser
        code = stop.code
    assert code == 2
    captured = capsys.readouterr()
    err = captured.err + captured.out
    assert message in err
    assert "Traceback" not in err


def test_folder_without_images(run, tmp_path):
    (tmp_path / "empty").mkdir()
    code, _, err, _ = run("segment", tmp_path / "empty", "--labels", "dog")
    assert code == 2
    assert "no image in this folder" in err


@pytest.mark.parametrize("name", ["x.pt", "x.bin", "x.pkl"])
def test_a_pickle_as_model_is_refused(run, photo_file, tmp_path, name):
    torch.save({}, tmp_path / name)
    code, _, err, _ = run("segment", photo_file, "--labels", "dog", model=str(tmp_path / name))
    assert code == 2
    assert "pickle" in err


def test_a_method_without_its_trained_part(run, photo_file):
    code, _, err, _ = run("segment", photo_file, "--labels", "dog", "--method", "tagalign")
    assert code == 2
    assert "tagalign train" in err
    assert DEFAULTS["segment"] in err


def test_tiny_never_labels_a_photo_silently(run, photo_file):
    _, _, err, _ = run("segment", photo_file, "--labels", "dog,grass", model="tiny")
    assert "openai/clip-vit-base-patch16" in err


def test_paths_on_standard_input(run, photo_file, monkeypatch):
    import io

    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{photo_file}\n"))
    code, _, _, folder = run("segment", "-", "--labels", "dog")
    assert code == 0
    assert (folder / "photo.png").exists()


def test_same_stems_do_not_overwrite_each_other(run, photo, tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        photo.save(tmp_path / name / "same.png")
    code, _, _, folder = run("segment", tmp_path / "a", tmp_path / "b", "--labels", "dog")
    assert code == 0
    assert len(list(folder.rglob("*.png"))) == 2


def test_interrupt_leaves_no_half_written_file(clip_folder, photo, tmp_path):
    photo.resize((640, 480)).save(tmp_path / "0.png")
    for i in range(1, 400):  # more than any machine segments before the signal comes
        (tmp_path / f"{i}.png").hardlink_to(tmp_path / "0.png")
    command = [
        "segment",
        tmp_path,
        "--labels",
        "dog,grass",
        "--model",
        clip_folder,
        "--out",
        tmp_path / "out",
    ]
    run = run_verb(*command, said=tmp_path / "said.txt")
    deadline = time.monotonic() + 300
    while not list((tmp_path / "out").glob("*.png")) and time.monotonic() < deadline:
        time.sleep(0.05)
    run.send_signal(signal.SIGINT)
    assert run.wait() == 130
    assert "Traceback" not in run.errors()
    for path in (tmp_path / "out").glob("*.png"):
        opened(path)  # raises on a truncated file
    assert not list((tmp_path / "out").glob(".*tmp"))


def test_a_full_disk_is_one_line(run, photo_file, monkeypatch):
    import errno

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    code, _, err, folder = run("segment", photo_file, "--labels", "dog")
    assert code == 2
    assert "No space left" in err
    assert not list(folder.glob("*.png"))


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_every_verb_has_help(verb, capsys):
    assert main([verb, "--help"]) == 0
    assert "usage: tagalign" in capsys.readouterr().out
