"""The script for a GPU runs whole at toy size on a CPU: a line a part, none of them an error."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PARTS = {
    "encode",
    "segment",
    "tagclip",
    "cls-seg",
    "piaa",
    "tag-loss-1e5",
    "tag-loss-1e6",
    "train",
    "caption",
}
TIMEOUT_S = 600  # a busy machine; an idle one needs ten seconds


def run(*arguments):
    environment = {**os.environ, "PYTHON": sys.executable, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(
        ["bash", "benchmarks/gpu.sh", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script")
def test_every_part_prints_its_line():
    done = run("--toy")
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert {row["part"] for row in rows} == PARTS
    assert all(row["ours_per_s"] > 0 and math.isfinite(row["share_of_peak"]) for row in rows)
    assert all(
        row["share_of_bare"] > 0 and row["faster_than_steps"] > 0 for row in rows if "steps_per_s" in row
    )
    assert sum("steps_per_s" in row for row in rows) == 7


def test_the_limits_of_all_parts_are_eight_minutes():
    lines = (ROOT / "benchmarks/gpu.sh").read_text(encoding="utf-8").partition("<<'PARTS'\n")[2].splitlines()
    limits = {part: int(limit) for part, limit in (line.split() for line in lines[: lines.index("PARTS")])}
    assert limits.keys() == PARTS
    assert sum(limits.values()) <= 480


def test_a_device_is_found_by_its_name(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    from peak import stated_tflops

    assert stated_tflops("NVIDIA H100 PCIe") == 756.0
    assert stated_tflops("NVIDIA H100 80GB HBM3") == 989.0
    assert stated_tflops("NVIDIA A100-SXM4-40GB") == 312.0
    assert stated_tflops("NVIDIA L40S") == 362.0
    assert stated_tflops("NVIDIA GeForce GTX 1080") is None
