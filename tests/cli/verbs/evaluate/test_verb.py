"""The verbs evaluate, compare and data from the command line: files, exit codes, what people do wrong."""

import json

import numpy as np
import pytest
from PIL import Image

from tagalign.cli.main import main


@pytest.fixture
def evaluate(clip_folder, tmp_path):
    def call(*flags, out="out", method="maskclip"):
        common = ["--model", str(clip_folder), "--method", method, "--device", "cpu", "--resamples", "20"]
        return main(["evaluate", *common, "--out", str(tmp_path / out), *flags])

    return call


@pytest.fixture
def voc(tmp_path):
    """Two images of VOC 2012 in the official layout; small, so that a random encoder is fast."""
    folder = tmp_path / "VOC2012"
    for part in ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation"):
        (folder / part).mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name in ("2007_000033", "2007_000042"):
        Image.fromarray(rng.integers(0, 255, (20, 30, 3)).astype(np.uint8)).save(
            folder / f"JPEGImages/{name}.jpg"
        )
        Image.fromarray(rng.integers(0, 21, (20, 30)).astype(np.uint8)).save(
            folder / f"SegmentationClass/{name}.png"
        )
    (folder / "ImageSets/Segmentation/val.txt").write_text("2007_000033\n2007_000042\n")
    return folder


def test_tiny_world_gives_result_row_and_page(evaluate, tmp_path, capsys):
    assert evaluate("--limit", "5", "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    out = tmp_path / "out"
    content = json.loads((out / "result.json").read_text())
    assert printed["metrics"]["miou"] == pytest.approx(content["metrics"]["miou"], abs=1e-9)
    assert {"metrics", "per_class", "settings", "model", "versions", "images"} <= content.keys()
    assert (content["images"], content["settings"]["limit"]) == (5, 5)
    assert content["model"]["weight_hash"]
    assert len((out / "rows.jsonl").read_text().splitlines()) == 6
    assert "tiny-world test" in (out / "result.md").read_text()
    assert "data:image/jpeg" in (out / "report.html").read_text()


def test_background_rule_follows_the_benchmark(evaluate, tmp_path):
    assert evaluate("--data", "tiny-world-objects", "--limit", "2", "--gallery", "0") == 0
    classes = json.loads((tmp_path / "out/result.json").read_text())["per_class"]["iou"]
    assert next(iter(classes)) == "background"


def test_both_wordings_are_measured_with_one_flag(evaluate, voc, tmp_path):
    flags = ("--data", "voc20", "--path", str(voc), "--gallery", "0", "--allow-missing")
    assert evaluate(*flags, "--wording", "both") == 0
    results = [
        json.loads((tmp_path / f"out/{word}/result.json").read_text()) for word in ("plain", "aliases")
    ]
    assert [one["settings"]["labels"]["name"] for one in results] == ["voc20", "voc20:aliases"]


def test_second_run_measures_nothing_again_and_writes_the_same(evaluate, tmp_path, capsys):
    assert evaluate("--limit", "3") == 0
    first, rows = (tmp_path / "out/result.json").read_text(), (tmp_path / "out/rows.jsonl").stat()
    assert evaluate("--limit", "3") == 0
    again = json.loads((tmp_path / "out/result.json").read_text())
    assert {**again, "created": ""} == {**json.loads(first), "created": ""}
    assert (tmp_path / "out/rows.jsonl").stat().st_mtime_ns == rows.st_mtime_ns
    assert evaluate("--limit", "2") == 2
    assert "belongs to another evaluation" in capsys.readouterr().err


def test_shards_write_the_result_when_the_last_is_done(evaluate, tmp_path, capsys):
    flags = ("--limit", "4", "--batch-size", "1", "--gallery", "0")
    assert evaluate(*flags, "--shard", "0/2") == 0
    assert not (tmp_path / "out/result.json").exists()
    assert "2 of 4 images done" in capsys.readouterr().err
    assert evaluate(*flags, "--shard", "1/2") == 0
    assert (tmp_path / "out/result.json").exists()


@pytest.mark.parametrize(
    ("data", "metric"), [("tiny-world-tags", "map"), ("tiny-world-referring", "overall_iou")]
)
def test_other_kinds(evaluate, tmp_path, data, metric):
    assert evaluate("--data", data, "--limit", "3") == 0
    assert 0 <= json.loads((tmp_path / "out/result.json").read_text())["metrics"][metric] <= 100


def test_part_of_a_benchmark_gives_no_number_unless_asked(evaluate, voc, tmp_path, capsys):
    flags = ("--data", "voc20", "--path", str(voc), "--gallery", "0")
    assert evaluate(*flags) == 2
    assert "2 of 1,449 images" in capsys.readouterr().err
    assert not (tmp_path / "out/result.json").exists()
    assert evaluate(*flags, "--allow-missing") == 0
    assert "2 of 1,449" in (tmp_path / "out/result.md").read_text()


def test_damaged_mask_is_named_and_listed(evaluate, voc, tmp_path, capsys):
    (voc / "SegmentationClass/2007_000033.png").write_bytes(b"\x89PNG broken")
    assert evaluate("--data", "voc20", "--path", str(voc)) == 2
    err = capsys.readouterr().err
    assert "2007_000033.png: the mask is damaged" in err
    assert "1 of 1,449 images" in err
    row = json.loads((tmp_path / "out/errors.jsonl").read_text())
    assert (row["path"], row["error"]) == ("2007_000033", "DataError")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--data", "voc99"], "unknown benchmark 'voc99'"),
        (["--data", "voc21"], "needs its folder"),
        (["--data", "voc21", "--path", "/nowhere"], "no such folder"),
        (["--protocol", "mine"], "unknown protocol 'mine'"),
        (["--wording", "latin"], "unknown wording 'latin'"),
        (["--templates", "9"], "unknown templates '9'"),
        (["--shard", "2/2"], "--shard must be i/n"),
        (["--limit", "0"], "--limit must be at least 1"),
        (["--data", "tiny-world-captions", "--limit", "1"], "cannot caption"),
    ],
)
def test_wrong_flags_give_one_line_and_exit_2(evaluate, capsys, flags, message):
    assert evaluate(*flags) == 2
    err = capsys.readouterr().err.strip()
    assert message in err
    assert "Traceback" not in err


def test_labels_file_must_fit_the_classes(evaluate, tmp_path, capsys):
    (tmp_path / "two.txt").write_text("a\nb\n")
    assert evaluate("--labels-file", str(tmp_path / "two.txt")) == 2
    assert "label set 'two' has 2" in capsys.readouterr().err


def test_compare_says_within_or_beyond_noise(evaluate, tmp_path, capsys):
    for name in ("clip", "maskclip"):
        assert evaluate("--limit", "4", "--gallery", "0", out=name, method=name) == 0
    capsys.readouterr()
    assert main(["compare", str(tmp_path / "clip"), str(tmp_path / "maskclip"), "--resamples", "50"]) == 0
    assert "noise" in capsys.readouterr().out
    assert main(["compare", str(tmp_path / "clip"), str(tmp_path / "maskclip/result.json"), "--json"]) == 0
    assert "miou" in json.loads(capsys.readouterr().out)["differences"]
    assert main(["compare", str(tmp_path / "clip"), str(tmp_path / "none")]) == 2
    assert "no such file" in capsys.readouterr().err


def test_data_list_shows_every_benchmark(capsys):
    from tagalign.data.benchmarks import BENCHMARKS

    assert main(["data", "list"]) == 0
    text = capsys.readouterr().out
    assert all(name in text for name in BENCHMARKS)
    assert "TagEval" in text
    assert main(["data", "list", "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {row["name"] for row in rows} == BENCHMARKS.keys()


def test_data_check_shows_layout_and_what_is_missing(voc, capsys):
    assert main(["data", "check", "voc21"]) == 0
    assert "JPEGImages/NAME.jpg" in capsys.readouterr().out
    assert main(["data", "check", "voc21", str(voc)]) == 2
    assert "2 of 1,449 images, 0 files missing: NOT complete" in capsys.readouterr().out
    assert main(["data", "check", "tiny-world"]) == 0
    capsys.readouterr()
    assert main(["data", "check"]) == 2
    assert "check needs a name" in capsys.readouterr().err
    assert main(["data", "check", "voc2l", str(voc)]) == 2
    assert "did you mean" in capsys.readouterr().err
