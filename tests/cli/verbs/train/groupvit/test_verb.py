"""`tagalign train --method groupvit` from pairs to a folder that segments; it goes on where it was, and what it refuses."""

import json
import re
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from safetensors.torch import load_file

from tagalign.cli.main import main
from tagalign.tags.vocabulary import TagVocabulary
from tagalign.train.loop.log import read_metrics

TOWER = "--width 16 --heads 2 --patch 8 --depths 1 1 1 --groups 4 2"
RUN = "--steps 4 --batch-size 4 --chunk 2 --warmup 1 --checkpoint-every 2 --log-every 1 --device cpu --precision fp32"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Eight noise pictures with captions, their tags, and the list these count in."""
    folder = tmp_path_factory.mktemp("groupvit")
    (folder / "pairs").mkdir()
    rng, words = np.random.default_rng(0), ["cat", "dog"] * 4
    for i, word in enumerate(words):
        Image.fromarray(rng.integers(0, 255, (40, 48, 3), dtype=np.uint8)).save(folder / f"pairs/{i}.png")
        (folder / f"pairs/{i}.txt").write_text(f"a {word}")
    keys, captions = [str(i) for i in range(8)], [f"a {word}" for word in words]
    lists = pa.array([[word] for word in words], pa.list_(pa.string()))
    none = pa.array([[]] * 8, pa.list_(pa.string()))
    pq.write_table(
        pa.table({"key": keys, "caption": captions, "objects": lists, "attributes": none}),
        folder / "tags.parquet",
    )
    TagVocabulary.of([("object", "cat", 4), ("object", "dog", 4)]).save(folder / "vocabulary.tsv")
    return folder


@pytest.fixture
def train(files, clip_folder, tmp_path):
    def run(*flags, out="model", tags=True):
        paths = ["--pairs", f"{files}/pairs", "--model", str(clip_folder), "--out", str(tmp_path / out)]
        own = ["--tags", f"{files}/tags.parquet", "--vocabulary", f"{files}/vocabulary.tsv"] if tags else []
        command = ["train", "--method", "groupvit", *paths, *own, *TOWER.split(), *RUN.split()]
        return main([*command, *flags]), tmp_path / out

    return run


def test_pairs_become_a_folder_that_segments(train, files, tmp_path, capsys):
    code, out = train()
    assert code == 0, capsys.readouterr().err
    assert json.loads((out / "settings.json").read_text())["settings"]["depths"] == [1, 1, 1]
    photo = ["segment", str(files / "pairs/0.png"), "--labels", "cat,dog", "--out", str(tmp_path / "masks")]
    assert main([*photo, "--model", str(out), "--method", "groupvit", "--device", "cpu"]) == 0
    assert (tmp_path / "masks/0.png").exists()


def test_a_run_that_was_cut_short_ends_with_the_same_bits(train, capsys):
    code, whole = train(out="whole")
    assert code == 0, capsys.readouterr().err
    cut = whole.with_name("cut")
    shutil.copytree(whole, cut)
    newest = max((cut / "checkpoints").iterdir(), key=lambda path: path.name)
    shutil.rmtree(newest) if newest.is_dir() else newest.unlink()
    (cut / "model.safetensors").unlink()
    assert train(out="cut")[0] == 0
    one, two = (load_file(folder / "model.safetensors") for folder in (whole, cut))
    assert all((one[name] == two[name]).all() for name in one)
    assert train("--seed", "1", out="cut")[0] == 2
    assert "holds a run with seed = 0, now it is 1" in capsys.readouterr().err


def test_a_tagger_teaches_the_tower(train, files, clip_folder, tmp_path, capsys):
    asked = ["--labels", "cat,dog", "--model", str(clip_folder), "--method", "maskclip", "--device", "cpu"]
    assert main(["tag", f"{files}/pairs", *asked, "--out", str(tmp_path / "scores")]) == 0
    flags = ("--teacher", str(tmp_path / "scores"), "--teacher-top", "1")
    (plain, one), (taught, two) = train(tags=False), train(*flags, tags=False, out="taught")
    assert (plain, taught) == (0, 0), capsys.readouterr().err
    first, second = (load_file(folder / "model.safetensors") for folder in (one, two))
    assert any((first[name] != second[name]).any() for name in first)


def test_masks_of_photos_that_share_an_object_are_compared(train, capsys):
    code, out = train("--consistency-weight", "0.5")
    assert code == 0, capsys.readouterr().err
    assert read_metrics(out / "metrics.jsonl")[-1]["consistency"] > 0
    assert train("--consistency-weight", "0.5", tags=False)[0] == 2
    assert "--consistency-weight needs --tags" in capsys.readouterr().err
    assert train("--consistency-momentum", "1")[0] == 2
    assert "--consistency-momentum in [0, 1), got 0 and 1" in capsys.readouterr().err


def test_captions_alone_train_another_tower(train):
    (_, both), (_, captions) = train(out="both"), train(out="captions", tags=False)
    one, two = (load_file(folder / "model.safetensors") for folder in (both, captions))
    assert any((one[name] != two[name]).any() for name in one)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--groups", "4"], "--groups has one number less than --depths"),
        (["--width", "15"], "--width must be a multiple of --heads"),
        (["--patch", "7"], "--size must be a multiple of --patch, got 32 and 7"),
        (["--batch-size", "1"], "at least"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(flags, message, train, capsys):
    assert train(*flags)[0] == 2
    assert message in capsys.readouterr().err


def test_tags_and_vocabulary_belong_together(train, files, capsys):
    assert train("--tags", f"{files}/tags.parquet", tags=False)[0] == 2
    assert "--tags and --vocabulary belong together" in capsys.readouterr().err


def test_a_dry_run_says_what_it_will_cost_and_writes_nothing(train, tmp_path, capsys):
    code, out = train("--dry-run", "--micro-batch", "2")
    assert code == 0
    lines = capsys.readouterr().out.splitlines()
    # up to ten, fewer where they take longer than its time limit
    assert re.search(r"images/s: \d+ steps of 4 images in", lines[0])
    assert lines[-1] == "nothing was written"
    assert not out.exists()
