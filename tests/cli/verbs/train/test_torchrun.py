"""``tagalign train`` in the two processes of torchrun: a run that was killed ends in the bits of an undisturbed one.

torchrun itself starts one of the four runs; the others are forked with the variables that it sets.

The fast twins: resumed runs of one process in ``train/trusty`` and ``train/tag2text``, two threads in ``train/loop``.
"""

import json
import os
import shutil
import socket
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from forked_runs import run_verb
from PIL import Image

from tagalign.testing.clip_folder import make_clip_folder

TIMEOUT_S = 300  # a busy machine; an idle one needs twenty seconds

pytestmark = pytest.mark.slow


def tag2text_flags(folder):
    """Pairs with label rows and a vocabulary; every flag of a small run."""
    colors = ("red", "green", "blue", "grey")
    for name in colors:
        Image.new("RGB", (20, 30), name).save(folder / f"{name}.png")
    pairs = [{"key": name, "image": f"{name}.png", "caption": f"A {name} dog."} for name in colors]
    (folder / "pairs.jsonl").write_text("\n".join(map(json.dumps, pairs)))
    rows = ["dog\tobject", *(f"{name}\tattribute" for name in colors)]
    lines = ["id\ttag\tkind\tcount", *(f"{i}\t{row}\t1" for i, row in enumerate(rows))]
    (folder / "vocabulary.tsv").write_text("\n".join(lines) + "\n")
    tags = pa.array([[0, i + 1] for i in range(len(colors))], pa.list_(pa.int32()))
    pq.write_table(pa.table({"key": list(colors), "tags": tags}), folder / "labels.parquet")
    own = [
        "--records",
        folder / "pairs.jsonl",
        "--label-rows",
        folder / "labels.parquet",
        "--tag-list",
        folder / "vocabulary.tsv",
    ]
    return [*own, "--layers", "1", "--width", "16", "--heads", "2"]


FLAGS = {
    "trusty": lambda folder: [
        "--data",
        "tiny-world-objects",
        "--limit",
        "6",
        "--size",
        "32",
        "--setting",
        "transductive",
    ],
    "tag2text": tag2text_flags,
}


def torchrun(words):
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [*launcher, "-m", "tagalign.cli.main", *map(str, words)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, timeout=TIMEOUT_S)
    assert done.returncode == 0, done.stderr.decode()[-3000:]


def fork_two(words):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    world = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    said = [words[-1].with_suffix(f".{rank}.txt") for rank in (0, 1)]
    both = [
        run_verb(*words, said=path, RANK=str(rank), LOCAL_RANK=str(rank), **world)
        for rank, path in enumerate(said)
    ]
    for one in both:
        assert one.wait(TIMEOUT_S) == 0, one.errors()[-3000:]


def weights_of(start, command, out):
    start([*command, "--out", out])
    return (out / "model.safetensors").read_bytes()


@pytest.mark.parametrize("method", FLAGS)
def test_two_processes_resume_to_the_bits_of_an_undisturbed_run(tmp_path, method):
    """Dropout on: every process goes on with its own random state, at its own place in the data."""
    clip = make_clip_folder(tmp_path / "clip")
    command = [
        "train", "--method", method, *FLAGS[method](tmp_path), "--model", clip, "--device", "cpu", "--steps", "6",
        "--batch-size", "4", "--warmup", "1", "--checkpoint-every", "2", "--keep", "3", "--log-every", "1",
    ]  # fmt: skip

    start = torchrun if method == "trusty" else fork_two
    whole = weights_of(start, command, tmp_path / "whole")
    # what a kill between steps 2 and 4 leaves: the checkpoint of step 2, and lines of the log that nobody will count
    cut = tmp_path / "cut"
    shutil.copytree(tmp_path / "whole", cut)
    for path in cut.iterdir():
        if path.name not in {"checkpoints", "metrics.jsonl"}:
            path.unlink() if path.is_file() else shutil.rmtree(path)
    for step in (4, 6):
        (cut / f"checkpoints/step-{step:08d}.safetensors").unlink()
    (cut / "checkpoints/best.safetensors").unlink(missing_ok=True)
    assert weights_of(fork_two, command, cut) == whole
    assert [json.loads(line)["step"] for line in (cut / "metrics.jsonl").read_text().splitlines()] == [
        1,
        2,
        3,
        4,
        5,
        6,
    ]
