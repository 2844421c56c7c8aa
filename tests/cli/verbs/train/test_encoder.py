"""``tagalign train --fsdp``: a run with a spread encoder leaves the files of one with whole ones, and goes on from them.

Holds ``cli/verbs/train/trainer_flags.py``.
"""

import json
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from forked_runs import free_ports, run_two
from PIL import Image
from safetensors.torch import load_file

from tagalign.cli.main import main
from tagalign.tags.vocabulary import TagVocabulary
from tagalign.testing.clip_folder import make_clip_folder
from tagalign.testing.groupvit_folder import make_groupvit_folder
from tagalign.train.loop.log import read_metrics

RUNS = """
import json, os, sys
from tagalign.cli.main import main
for port, words in json.loads(sys.argv[1]):
    os.environ["MASTER_PORT"] = str(port)  # each has its own: the one before may still be closing
    if code := main(["train", *words]):
        sys.exit(code)
"""
RUN = "--steps 4 --batch-size 4 --checkpoint-every 2 --keep 3 --log-every 1 --device cpu --seed 1"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Eight plain pictures with captions and tags, and a CLIP of two blocks."""
    folder = tmp_path_factory.mktemp("fsdp")
    make_clip_folder(folder / "clip", width=16, layers=2, dim=8, image_size=16, text_layers=2)
    (folder / "pairs").mkdir()
    words = ["cat", "dog", "car", "grass"] * 2
    for i, word in enumerate(words):
        Image.new("RGB", (20, 16), (30 * i, 200 - 20 * i, 90)).save(folder / f"pairs/{i}.png")
        (folder / f"pairs/{i}.txt").write_text(f"a {word}")
    lists = pa.array([[word] for word in words], pa.list_(pa.string()))
    none = pa.array([[]] * 8, pa.list_(pa.string()))
    table = {"key": [str(i) for i in range(8)], "caption": [f"a {word}" for word in words]}
    pq.write_table(pa.table({**table, "objects": lists, "attributes": none}), folder / "tags.parquet")
    TagVocabulary.of([("object", word, 2) for word in sorted(set(words))]).save(folder / "vocabulary.tsv")
    return folder


def command(files, method, out, *flags):
    """The words behind ``train``; held-out losses and maps are looked at on the way, where the method has them."""
    own = {
        "tagalign": ["--pairs", "pairs", "--tags", "tags.parquet", "--vocabulary", "vocabulary.tsv", "--held-out", "pairs",
                     "--held-out-pairs", "4", "--validate-every", "2", "--watch", "pairs/0.png", "--watch-labels", "cat",
                     "--precision", "fp32"],
        "trusty": ["--data", "tiny-world-objects", "--limit", "6", "--size", "16", "--prompts", "2", "--hidden", "16",
                   "--dropout", "0", "--warmup", "1", "--held-out-count", "2", "--validate-every", "2"],
        "groupvit": ["--pairs", "pairs", "--tags", "tags.parquet", "--vocabulary", "vocabulary.tsv", "--width", "16",
                     "--heads", "2", "--patch", "8", "--depths", "1", "1", "1", "--groups", "4", "2", "--warmup", "1",
                     "--precision", "fp32"],
    }  # fmt: skip
    paths = [str(files / word) if (files / word).exists() else word for word in own[method]]
    return [
        "--method",
        method,
        *RUN.split(),
        "--model",
        str(files / "clip"),
        *paths,
        "--out",
        str(out),
        *flags,
    ]


def run_both(commands, said):
    """One training after the other in the same two processes."""
    ports = free_ports(len(commands))
    run_two(RUNS, json.dumps(list(zip(ports, commands, strict=True))), said=said)


@pytest.fixture(scope="module")
def runs(files, tmp_path_factory):
    """METHOD-whole and METHOD-spread in two processes; two of TagAlign that go on from the other; one in one."""
    out = tmp_path_factory.mktemp("runs")
    two = [
        command(files, method, out / f"{method}-{kind}", *flags)
        for method in ("tagalign", "trusty")
        for kind, flags in (("whole", ()), ("spread", ("--fsdp",)))
    ]
    run_both(two, said=out)
    for kind in ("whole", "spread"):
        # what a kill after step 2 leaves
        cut = out / f"crossed-{kind}"
        shutil.copytree(out / f"tagalign-{kind}", cut)
        for path in (cut / "model.safetensors", cut / "checkpoints/step-00000004.safetensors"):
            path.unlink()
    crossed = [
        command(files, "tagalign", out / "crossed-whole", "--fsdp"),
        command(files, "tagalign", out / "crossed-spread"),
    ]
    run_both(crossed, said=out)
    assert main(["train", *command(files, "trusty", out / "one")]) == 0
    return out


def files_of(folder):
    """Tensors of the model and of every checkpoint; runs in one process leave each other's random numbers behind."""
    found = {str(p.relative_to(folder)): load_file(p) for p in sorted(folder.rglob("*.safetensors"))}
    return {
        path: {name: value for name, value in tensors.items() if not name.startswith("random.")}
        for path, tensors in found.items()
    }


def same_bits(first, second):
    assert first.keys() == second.keys()
    for path, tensors in first.items():
        assert tensors.keys() == second[path].keys()
        for name, value in tensors.items():
            assert torch.equal(value, second[path][name]), (path, name)


@pytest.mark.parametrize("method", ["tagalign", "trusty"])
def test_a_spread_encoder_leaves_the_same_files(runs, method):
    """The same products of the same numbers in both processes, gathered or not: the same bits, gradients of prompts too."""
    check_like_whole(runs, method)


@pytest.mark.slow
def test_a_spread_text_tower_leaves_the_same_groupvit(files, tmp_path):
    """Captions alone go through the encoder; transformers' tower takes seconds to import."""
    two = [
        command(files, "groupvit", tmp_path / "groupvit-whole"),
        command(files, "groupvit", tmp_path / "groupvit-spread", "--fsdp"),
    ]
    run_both(two, said=tmp_path)
    check_like_whole(tmp_path, "groupvit")


def check_like_whole(runs, method):
    whole, spread = runs / f"{method}-whole", runs / f"{method}-spread"
    same_bits(files_of(whole), files_of(spread))
    ours, theirs = (read_metrics(folder / "metrics.jsonl") for folder in (spread, whole))
    own = [{k: v for k, v in row.items() if k != "images_per_s" and "share_" not in k} for row in ours]
    assert own == [{k: v for k, v in row.items() if k in own[i]} for i, row in enumerate(theirs)]


def test_two_spread_processes_train_like_one(runs):
    one, two = (load_file(runs / name / "model.safetensors") for name in ("one", "trusty-spread"))
    for name, value in one.items():
        # float32 sums over the batch in two halves, some digits lost in four steps of Adam
        torch.testing.assert_close(two[name], value, rtol=1e-3, atol=1e-4)
    ours, theirs = (
        [row["loss"] for row in read_metrics(runs / name / "metrics.jsonl") if "loss" in row]
        for name in ("trusty-spread", "one")
    )
    assert len(ours) == 4
    assert ours == pytest.approx(theirs, rel=1e-4)


def test_a_run_goes_on_with_and_without(runs):
    for kind in ("whole", "spread"):
        same_bits(files_of(runs / "tagalign-whole"), files_of(runs / f"crossed-{kind}"))


def test_what_is_looked_at_is_looked_at_by_all_and_written_once(runs):
    rows = read_metrics(runs / "tagalign-spread" / "metrics.jsonl")
    assert [row["step"] for row in rows if "validation_held_out_loss" in row] == [2, 4]
    maps = [
        sorted(p.name for p in (runs / f"tagalign-{kind}/maps").iterdir()) for kind in ("whole", "spread")
    ]
    assert maps[0] == maps[1] != []


@pytest.mark.parametrize(
    ("flags", "processes", "message"),
    [
        ([], None, "spreads the encoder over the processes of torchrun, and this is the only one; start it with torchrun"),
        ([], "1", "and this is the only one"),
        (["--compile"], "2", "leave out --compile"),
        (["--method", "tag2text"], "2", "spreads a frozen encoder, and Tag2Text trains its own"),
    ],
)  # fmt: skip
def test_what_cannot_be_spread_is_refused_in_a_line(monkeypatch, capsys, flags, processes, message):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    if processes:
        monkeypatch.setenv("WORLD_SIZE", processes)
    plain = ["--pairs", "pairs", "--tag-loss-weight", "0"] if "--method" not in flags else []
    assert run_main(["train", *plain, "--fsdp", *flags]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.slow
def test_an_encoder_without_blocks_is_refused_by_all(files, tmp_path):
    model = make_groupvit_folder(tmp_path / "groupvit")
    flags = command(files, "tagalign", tmp_path / "out", "--fsdp", "--model", str(model))
    with pytest.raises(AssertionError, match="has no blocks of patches"):
        run_both([flags], said=tmp_path)


def run_main(arguments):
    try:
        return main(arguments)
    except SystemExit as stop:  # a value that the settings refuse is reported by the flag parser
        return stop.code
