"""Every method goes the whole road of photos for each verb that it can: ``--json``, threads, shards, a stop and going on.

The models are opened once per session; a photo is answered alone (``--batch-size 1``), so that the same photo has the same
bits in whatever order, thread, shard or run it comes.
"""

import json
import warnings

import numpy as np
import pyarrow.parquet as pq
import pytest
from every_method import companion_folders, model_folders
from PIL import Image

from tagalign.cli.main import main
from tagalign.methods.load import load_method
from tagalign.methods.table import METHODS
from tagalign.tasks.photos import run as road

ROAD = ("tag", "segment", "refer", "caption", "ask")
"""Verbs that answer about photos one by one; search reads an index instead."""
WORDS = {
    "tag": ["--labels", "dog,car", "--templates", "1", "--no-cache", "--no-summary"],
    "segment": ["--labels", "dog,car", "--templates", "1", "--no-cache", "--no-summary"],
    "refer": ["--phrase", "a dog"],
    "caption": [],
    "ask": ["what is it?"],
}
PHOTOS = 3
CASES = [(name, verb) for name, entry in METHODS.items() for verb in ROAD if verb in entry.can]


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Photos of several sizes, and one that is broken."""
    folder = tmp_path_factory.mktemp("photos")
    for i, size in enumerate([(24, 32, 3), (32, 40, 3), (32, 24, 3)]):
        pixels = np.random.default_rng(i).integers(0, 255, size, dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{i}.png")
    (folder / "9.png").write_bytes(b"broken")
    return folder


@pytest.fixture(scope="module")
def opened(tmp_path_factory, clip_folder, backbone):
    """Model folders by method; what was opened once stays open, and the default companion is a small one."""
    from tagalign.methods.proxy import build
    from tagalign.tasks.photos import job

    folders = model_folders(tmp_path_factory.mktemp("models"), clip_folder, backbone)
    companions = companion_folders(tmp_path_factory.mktemp("companions"))
    load_companion, kept = build.load_companion, {}

    def load(name, **given):
        key = json.dumps([name, given], sort_keys=True, default=str)
        if key not in kept:
            kept[key] = load_method(name, **given)
        return kept[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(job, "load_method", load)
        patch.setattr(
            build,
            "load_companion",
            lambda name, **more: load_companion(str(companions.get(name, name)), **more),
        )
        yield folders


@pytest.fixture(scope="module")
def looks(opened, photos, tmp_path_factory):
    """What methods that learn from a folder first have learned from these photos."""
    found = {}
    for name in (name for name, entry in METHODS.items() if entry.needs_look):
        out = tmp_path_factory.mktemp(f"look-{name}")
        words = [
            "look",
            str(photos),
            "--labels",
            "dog,car",
            "--templates",
            "1",
            "--no-cache",
            "--option",
            "keep=4",
        ]
        place = ["--method", name, "--model", opened[name], "--device", "cpu", "--out", str(out)]
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="a look at 3 photos")
            assert main([*words, *place]) == 0
        found[name] = ["--look", str(out), "--option", "keep=4"]
    return found


@pytest.fixture
def call(opened, looks, photos, capsys):
    """A verb on the photos; returns exit code, lines on standard output, and what was said."""

    def run(name, verb, out, *flags):
        given = [
            "--model",
            opened[name],
            "--device",
            "cpu",
            "--batch-size",
            "1",
            "--part-size",
            "1",
            "--out",
            str(out),
        ]
        chosen = ["--method", name] if verb in {"tag", "segment", "refer"} else []
        words = [verb, str(photos), *WORDS[verb], *given, *chosen, *looks.get(name, []), *flags]
        capsys.readouterr()
        code = main(words)
        captured = capsys.readouterr()
        return code, captured.out.splitlines(), captured.err

    return run


def results(out):
    """Every row by its photo, and the bytes of every picture."""
    rows = [row for path in sorted(out.glob("tags/*.parquet")) for row in pq.read_table(path).to_pylist()]
    rows += [
        json.loads(line)
        for path in sorted(out.glob("rows/*.jsonl"))
        for line in path.read_text().splitlines()
    ]
    by_photo = {row.get("path") or row["key"]: json.dumps(row, sort_keys=True) for row in rows}
    assert len(by_photo) == len(rows), "a photo was answered twice"
    return by_photo, {path.relative_to(out): path.read_bytes() for path in out.rglob("*.png")}


def stopped_after(count):
    """The road, until so many photos were answered and somebody presses Ctrl-C."""
    whole = road.answer_run

    def answer(*given, **named):
        for number, answered in enumerate(whole(*given, **named)):
            if number == count:
                raise KeyboardInterrupt
            yield answered

    return answer


@pytest.mark.usefixtures("unchecked_types")
@pytest.mark.parametrize(("name", "verb"), CASES, ids=[f"{name}-{verb}" for name, verb in CASES])
def test_threads_shards_and_a_stop_change_no_answer(call, photos, tmp_path, monkeypatch, name, verb):
    code, told, err = call(name, verb, tmp_path / "whole", "--json", "--workers", "1")
    assert code == 0, err
    assert "1 failed" in err
    good = [str(photos / f"{i}.png") for i in range(PHOTOS)]
    assert [json.loads(line)["path"] for line in told] == good
    whole = results(tmp_path / "whole")
    assert sorted(whole[0]) == good

    monkeypatch.setattr(road, "answer_run", stopped_after(2))
    assert call(name, verb, tmp_path / "stopped", "--workers", "3")[0] == 130
    assert len(results(tmp_path / "stopped")[0]) < PHOTOS
    monkeypatch.undo()
    for shard in ("0/2", "1/2"):
        assert call(name, verb, tmp_path / "parts", "--workers", "3", "--shard", shard)[0] in {0, 2}
    assert "done before" in call(name, verb, tmp_path / "stopped", "--workers", "2")[2]
    assert results(tmp_path / "stopped") == whole
    assert results(tmp_path / "parts") == whole


def test_every_method_has_a_verb_of_the_road():
    assert {name for name, _ in CASES} == set(METHODS)
