"""Verbs where Linux's own functions are missing, open files cannot be replaced, and there are no links: as on Windows.

``tests/test_other_systems.py`` reads the source; here it runs, in a process of its own: what is taken away is gone for good.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="open files are told by /proc")

DRIVER = Path(__file__).parents[1] / "doubles/without_linux.py"


def test_verbs_run_without_what_linux_alone_has(tmp_path: Path) -> None:
    """One start of Python for all of them: each takes a tenth of a second, the start three."""
    found = subprocess.run(
        [sys.executable, str(DRIVER)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=600,
    )
    assert found.returncode == 0, found.stderr[-3000:]
    codes = json.loads(found.stdout.splitlines()[-1])
    assert len(codes) == 12
    assert {name: code for name, code in codes.items() if code} == {}, found.stderr[-3000:]
    names = [path.name.casefold() for path in (tmp_path / "masks").rglob("*.png")]
    assert len(names) == len(set(names)) == 3, (
        "Cat.jpg and cat.jpg have masks of their own where case does not count"
    )


def test_what_was_taken_away_is_missed(tmp_path: Path) -> None:
    """The driver itself: a file that is open is not replaced, by whatever name it is called."""
    text = (
        "import without_linux, os\nfrom pathlib import Path\nwithout_linux.take_away()\n"
        "Path('b').write_text('')\nwith open('a', 'w'):\n"
        "    for change in (lambda: os.replace('b', 'a'), lambda: Path('b').replace('a'), Path('a').unlink):\n"
        "        try:\n            change()\n        except PermissionError:\n            continue\n"
        "        raise SystemExit('nothing was refused')\nassert not hasattr(os, 'fork')\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", text],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": python_path()},
        timeout=600,
    )
    assert found.returncode == 0


def python_path() -> str:
    return os.pathsep.join([str(DRIVER.parent), *filter(None, sys.path)])
