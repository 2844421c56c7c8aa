"""``tagalign train`` from files of pairs to a model folder: pixels, cached features, dry runs, and what it refuses.

Holds ``cli/verbs/train/dry_run.py``, ``cli/verbs/train/trainer_flags.py``, ``cli/verbs/train/tagalign/rehearsal.py``.
"""

import io
import json
import re
import tarfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from tagalign.cli.main import main
from tagalign.tags.vocabulary import TagVocabulary
from tagalign.train.loop.log import read_metrics

CAPTIONS = {"a cat": (["cat"], []), "a red dog": (["dog"], ["red"]), "a car and a cat": (["car", "cat"], [])}
WORDS = pa.list_(pa.string())


@pytest.fixture(scope="module")
def collection(tmp_path_factory):
    """Two tars of twelve noise pictures, tag rows, a vocabulary; one picture broken, one caption missing."""
    folder = tmp_path_factory.mktemp("collection")
    rng = np.random.default_rng(0)
    rows = []
    for shard in range(2):
        (folder / "pairs").mkdir(exist_ok=True)
        with tarfile.open(folder / "pairs" / f"{shard:05d}.tar", "w") as tar:
            for number in range(shard * 12, shard * 12 + 12):
                caption = list(CAPTIONS)[number % 3]
                picture = io.BytesIO()
                Image.fromarray(rng.integers(0, 255, (40, 48, 3), dtype=np.uint8)).save(picture, "JPEG")
                members = {"jpg": picture.getvalue(), "txt": caption.encode()}
                if number == 5:
                    members["jpg"] = members["jpg"][:50]
                if number == 15:
                    members["txt"] = b" "
                for ending, content in members.items():
                    info = tarfile.TarInfo(f"{number:05d}.{ending}")
                    info.size = len(content)
                    tar.addfile(info, io.BytesIO(content))
                rows.append((f"{number:05d}", caption, *CAPTIONS[caption]))
    keys, captions, objects, attributes = zip(*rows[:-1], strict=True)  # the last pair has no tag row
    table = {"key": pa.array(keys), "caption": pa.array(captions)}
    table |= {"objects": pa.array(objects, WORDS), "attributes": pa.array(attributes, WORDS)}
    pq.write_table(pa.table(table), folder / "tags.parquet")
    entries = [("object", "cat", 16), ("object", "dog", 8), ("object", "car", 8), ("attribute", "red", 8)]
    TagVocabulary.of(entries).save(folder / "vocabulary.tsv")
    return folder


def run_main(arguments):
    try:
        return main(["train", *arguments])
    except SystemExit as stop:  # a value that the settings refuse is reported by the flag parser
        return stop.code


@pytest.fixture
def train(collection, clip_folder, tmp_path):
    def run(*flags, out="model"):
        common = ["--pairs", f"{collection}/pairs", "--model", str(clip_folder), "--out", str(tmp_path / out)]
        tags = ["--tags", f"{collection}/tags.parquet", "--vocabulary", f"{collection}/vocabulary.tsv"]
        size = ["--batch-size", "8", "--chunk", "4", "--log-every", "1", "--steps", "6", "--device", "cpu"]
        return run_main([*common, *tags, *size, *flags]), tmp_path / out

    return run


def test_pixels_to_a_model_folder_with_everything_in_it(train, capsys):
    code, out = train("--held-out-pairs", "6", "--validate-every", "3")
    assert code == 0
    assert {p.name for p in out.iterdir()} >= {
        "config.json",
        "model.safetensors",
        "vocabulary.tsv",
        "settings.json",
    }
    rows = read_metrics(out / "metrics.jsonl")
    assert [row["step"] for row in rows] == [1, 2, 3, 4, 5, 6]
    assert rows[-1]["skipped_image damaged"] >= 1
    assert rows[-1]["skipped_no caption"] >= 1
    assert rows[-1]["skipped_no tag row"] >= 1
    assert sum(value for name, value in rows[-1].items() if name.startswith("share_")) == pytest.approx(
        1, abs=0.01
    )
    settings = json.loads((out / "settings.json").read_text())
    assert settings["caller"]["settings"]["steps"] == 6
    assert "tagalign segment" in capsys.readouterr().err


def test_a_longer_run_continues_the_shorter_one(train):
    _, out = train("--steps", "3", out="a")
    code, out = train(out="a")
    assert code == 0
    _, whole = train(out="b")
    ours, theirs = (load_file(folder / "model.safetensors") for folder in (out, whole))
    assert all(torch.equal(ours[name], value) for name, value in theirs.items())


def test_cached_features_train_too_and_are_filled_once(train, tmp_path, capsys):
    cache = tmp_path / "cache"
    flags = (
        "--cache-features",
        str(cache),
        "--precision",
        "fp32",
    )  # what bf16 computes, float16 holds exactly
    code, _ = train(*flags, "--held-out", f"{tmp_path}", out="x")
    assert code == 2  # no pairs there
    code, _ = train(*flags)
    assert code == 0
    state = json.loads((cache / "cache.json").read_text())
    assert state["complete"]
    assert sum(state["counts"]) == 22
    assert 0 < state["error"] < 2**-11  # something is rounded; half of float16's last digit
    before = {p.name: p.stat().st_mtime_ns for p in cache.glob("*.npy")}
    assert train(*flags, out="again")[0] == 0
    assert {p.name: p.stat().st_mtime_ns for p in cache.glob("*.npy")} == before
    one, two = (load_file(tmp_path / name / "model.safetensors") for name in ("model", "again"))
    assert all(torch.equal(one[name], value) for name, value in two.items())
    capsys.readouterr()
    assert train(*flags, "--size", "40", out="y")[0] == 2
    assert "holds features with size = 32, wanted 40" in capsys.readouterr().err


def test_heat_maps_are_drawn_on_the_way(train, photo_file):
    code, out = train("--watch", str(photo_file), "--watch-labels", "cat,red car", "--validate-every", "3")
    assert code == 0
    assert sorted(p.name for p in (out / "maps").iterdir()) == [
        f"{step:08d}.photo.{label}.png" for step in (3, 6) for label in ("cat", "red_car")
    ]


def test_captions_alone_need_no_tags(collection, clip_folder, tmp_path):
    flags = [
        "--pairs",
        f"{collection}/pairs",
        "--model",
        str(clip_folder),
        "--out",
        str(tmp_path),
        "--tag-loss-weight",
        "0",
    ]
    assert run_main([*flags, "--steps", "2", "--batch-size", "4", "--device", "cpu"]) == 0
    assert not (tmp_path / "vocabulary.tsv").exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--batch-size", "1"], "batch_size 1 cannot be shared"),
        (["--profile", "papr"], "unknown profile 'papr'; did you mean 'paper'?"),
        (["--loss", "hinge"], "unknown loss 'hinge'"),
        (["--loaders", "2", "--streams", "3"], "2 workers cannot share 3 streams"),
        (["--watch", "x.jpg"], "--watch needs --watch-labels"),
        (["--blocks", "-1"], "--blocks must be at least 0, got -1"),
        (["--mode", "mask"], "unknown mode 'mask'; did you mean 'maskclip'"),
        (["--tag-loss-weight", "-1"], "--tag-loss-weight must be at least 0, got -1"),
    ],
)
def test_wrong_flags_get_one_line(train, capsys, flags, message):
    code, _ = train(*flags)
    errors = capsys.readouterr().err
    assert code == 2
    assert message in " ".join(errors.replace("│", "").split())
    assert "Traceback" not in errors


def test_missing_inputs_get_one_line(clip_folder, capsys):
    assert run_main(["--model", str(clip_folder)]) == 2
    assert "--pairs is missing" in capsys.readouterr().err
    assert run_main(["--pairs", "pairs", "--model", str(clip_folder)]) == 2
    errors = " ".join(capsys.readouterr().err.replace("│", "").split())
    assert "needs --tags and --vocabulary; make them with tagalign parse" in errors


@pytest.mark.parametrize("cached", [False, True])
def test_a_dry_run_says_what_it_will_cost_and_writes_nothing(train, tmp_path, capsys, cached):
    before = {path for path in tmp_path.rglob("*")}
    flags = ["--cache-features", str(tmp_path / "cache")] if cached else []
    code, _ = train("--dry-run", "--steps", "30000", *flags)
    assert code == 0
    lines = capsys.readouterr().out.splitlines()
    # up to ten, fewer where they take longer than its time limit
    assert re.search(r"images/s: \d+ steps of 8 images in", lines[0])
    assert "encoder" in lines[0]
    assert "GiB at 8 images a step" in lines[1]
    assert ("images/s while every image is encoded once" in lines[2]) == cached
    assert "30,000 steps of 8 images, 1.04e+04 rounds through 23:" in lines[-2]  # 240,000 of 23 rows of tags
    assert lines[-1] == "nothing was written"
    assert {path for path in tmp_path.rglob("*")} == before


def test_the_scores_of_a_run_of_tag_are_distilled(train, collection, clip_folder, tmp_path, capsys):
    scores = tmp_path / "scores"
    asked = [
        "--labels",
        "cat,dog,red",
        "--model",
        str(clip_folder),
        "--method",
        "maskclip",
        "--device",
        "cpu",
    ]
    main(["tag", f"{collection}/pairs", *asked, "--out", str(scores)])  # one photo of the pairs is broken
    teacher = ("--steps", "2", "--teacher", str(scores))
    runs = {
        name: train("--precision", "fp32", *flags, out=name)
        for name, flags in {
            "without": ("--steps", "2"),
            "best": (*teacher, "--teacher-top", "1"),
            "words": (*teacher, "--teacher-student", "words", "--teacher-weight", "3"),
        }.items()
    }
    assert [code for code, _ in runs.values()] == [0, 0, 0], capsys.readouterr().err
    found = {name: load_file(out / "model.safetensors") for name, (_, out) in runs.items()}
    for name in ("best", "words"):
        assert any(not torch.equal(found[name][key], value) for key, value in found["without"].items())
    settings = json.loads((runs["words"][1] / "settings.json").read_text())
    assert settings["loss_weights"] == {"contrastive": 1.0, "distillation": 3.0, "tag": 1.0}
    assert settings["teacher_student"] == "words"
    assert "3 labels of a frozen tagger, into classifiers" in (runs["best"][1] / "README.md").read_text()


def test_a_teacher_that_is_not_there_is_one_line(train, capsys):
    assert train("--teacher", "nowhere")[0] == 2
    assert "settings.json is missing" in capsys.readouterr().err
