"""Runs that are killed at any moment: the same command again ends with the same bytes.

A few kills by default; ``TAGALIGN_KILLS=50`` for more. Moments are drawn from a seed, so that a failure can be repeated.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

KILLS = int(os.environ.get("TAGALIGN_KILLS", "1"))
PATIENCE_S = 300  # only a hang is too slow: the machine may be busy
COMMANDS = {
    "tag": ["tag", "{photos}", "--labels", "dog,cat", "--no-cache", "--part-size", "3", "--out", "{out}"],
    "segment": ["segment", "{photos}", "--labels", "dog,cat", "--overlay", "--part-size", "3", "--out", "{out}"],
    "rle": ["segment", "{photos}", "--labels", "dog,cat", "--rle", "--png", "--part-size", "3", "--out", "{out}"],
    "index": ["search", "index", "{photos}", "--part-size", "3", "--index", "{out}"],
}  # fmt: skip


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for i in range(14):
        pixels = np.random.default_rng(i).integers(0, 255, (24 + 8 * (i % 2), 40, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{i:02d}.png")
    (folder / "05.png").write_bytes(b"broken")
    return folder


@pytest.fixture
def command(clip_folder, photos: Path, tmp_path: Path):
    def make(verb: str) -> list[str]:
        places = {"{photos}": str(photos), "{out}": str(tmp_path / "out")}
        words = [places.get(word, word) for word in COMMANDS[verb]]
        return [
            sys.executable,
            "-m",
            "tagalign.cli.main",
            *words,
            "--model",
            str(clip_folder),
            "--device",
            "cpu",
        ]

    return make


def start(words: list[str]) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        words,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        # a shell's background job ignores Ctrl-C, and so would its children
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def finish(words: list[str]) -> str:
    process = start(words)
    _, said = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, said
    return said


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def wait_for(out: Path, count: int, process: "subprocess.Popen[str]") -> None:
    """Until so many files of results are there."""
    deadline = time.monotonic() + PATIENCE_S
    while process.poll() is None and time.monotonic() < deadline:
        if out.is_dir() and sum(1 for p in out.rglob("*") if p.is_file()) >= count:
            return
        time.sleep(0.005)


def stop(process: "subprocess.Popen[str]", how: str) -> str:
    for _ in range(2 if how == "SIGINT" else 1):
        process.send_signal(getattr(signal, how))
        time.sleep(0.02)
    return process.communicate(timeout=PATIENCE_S)[1]


@pytest.mark.slow
@pytest.mark.parametrize("how", ["SIGKILL", "SIGTERM", "SIGINT"])
@pytest.mark.parametrize("verb", sorted(COMMANDS))
def test_the_same_command_again_ends_with_the_same_bytes(command, tmp_path, verb, how):
    words, out, chance = command(verb), tmp_path / "out", random.Random(f"{verb}{how}")
    finish(words)
    whole = contents(out)
    assert not any(name.endswith(".tmp") for name in whole)
    for _ in range(KILLS):
        shutil.rmtree(out)
        process = start(words)
        wait_for(out, chance.randint(0, len(whole)), process)
        time.sleep(chance.random() * 0.05)
        said = stop(process, how)
        assert "Traceback" not in said
        finish(words)
        assert contents(out) == whole


@pytest.mark.slow
@pytest.mark.parametrize("verb", sorted(COMMANDS))
def test_a_folder_that_cannot_be_written_is_one_line_and_mended_by_the_same_command(command, tmp_path, verb):
    words, out = command(verb), tmp_path / "out"
    finish(words)
    whole = contents(out)
    shutil.rmtree(out)
    out.mkdir()
    if os.geteuid():
        out.chmod(0o500)
    else:  # root may write everywhere: a file where the folder of the errors should be
        (out / "errors").write_text("in the way")
    process = start(words)
    _, said = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 2
    assert "Traceback" not in said
    assert "cannot write" in said or "denied" in said or "errors" in said
    if os.geteuid():
        out.chmod(0o700)
    else:
        (out / "errors").unlink()
    finish(words)
    assert contents(out) == whole
