"""Runs of every verb that end too early, by a signal, a full disk or a folder that cannot be written: the same command again
ends with the same bytes, and nothing that lies there in between is half a file.

Two faults for each command by default; ``TAGALIGN_KILLS=n`` gives each n at changes of files drawn from a seed and n at
random moments, ``TAGALIGN_KILLS=all`` every way at every change.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from .inputs import COMMANDS, NEEDS, flags, make_inputs

KILLS = os.environ.get("TAGALIGN_KILLS", "")
FEW = 2
SLOW_TO_RUN = {"onnx"}
"""Ten seconds a run: with ``TAGALIGN_KILLS`` alone."""
NAMES = [name for name in COMMANDS if KILLS or name not in SLOW_TO_RUN]
DRIVER = Path(__file__).parent / "driver.py"


def plan_in(work: Path) -> dict[str, object]:
    """What the driver is to do; jobs that others need stand before them."""
    jobs = [{"name": n, "flags": flags(n, work / f"out-{n}"), "out": str(work / f"out-{n}")} for n in NAMES]
    kills = int(KILLS) if KILLS.isdecimal() else 0
    return {"jobs": jobs, "work": str(work), "points": -1 if KILLS == "all" else kills or FEW, "kills": kills}


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """What the driver saw, by name of the command."""
    work = tmp_path_factory.mktemp("kills")
    make_inputs(work)
    (work / "plan.json").write_text(json.dumps(plan_in(work)))
    words = [sys.executable, str(DRIVER), "plan.json"]
    done = subprocess.run(words, cwd=work, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    rows = map(json.loads, done.stdout.splitlines())
    return {row["name"]: row for row in rows}


@pytest.mark.parametrize("name", NAMES)
def test_the_same_command_again_ends_with_the_same_bytes(reports, name):
    assert not reports[name]["wrong"]
    # most faults must find a run under way, or nothing was tried
    assert sum(reports[name]["hit"].values()) >= 1


def test_every_way_was_met(reports):
    met = {way for row in reports.values() for way in row["hit"]}
    assert met == {"SIGKILL", "SIGTERM", "SIGINT", "full", "read-only", "limit"}


def test_commands_stand_behind_what_they_need():
    order = list(COMMANDS)
    assert all(order.index(need) < order.index(name) for name, needs in NEEDS.items() for need in needs)
