"""The site builds without a warning: every link and every name of the API pages leads somewhere."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mkdocs", reason="the docs extra is not installed")
ROOT = Path(__file__).resolve().parents[2]
CODE = re.compile(r"<pre.*?</pre>|<code.*?</code>", re.DOTALL)
BROKEN_LIST = re.compile(r"<p>(?:(?!</p>).)*\n(?:-|\*|\d+\.) ", re.DOTALL)
"""A paragraph with a list mark that begins a line: Markdown that GitHub shows as a list and MkDocs does not."""


def pages(site: Path) -> list[Path]:
    return sorted(site.rglob("*.html"))


def without_code(page: Path) -> str:
    return CODE.sub("", page.read_text(encoding="utf-8"))


@pytest.mark.slow
def test_the_site_builds_strictly(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    warnings = [line for line in done.stderr.splitlines() if line.startswith(("WARNING", "ERROR"))]
    assert (done.returncode, warnings) == (0, [])
    page = (tmp_path / "site" / "api" / "model.html").read_text(encoding="utf-8")
    assert "encode_image" in page  # docstrings were found
    assert [name for name in pages(tmp_path / "site") if BROKEN_LIST.search(without_code(name))] == []


def test_rows_of_the_readme_stand_in_the_results() -> None:
    rows = [
        line
        for line in (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("|")
        and line.rstrip("| ").rpartition("|")[2].strip().isdecimal()  # ends in its seeds
    ]
    results = (ROOT / "docs" / "results" / "tagalign.md").read_text(encoding="utf-8").splitlines()
    assert len(rows) >= 3
    assert [row for row in rows if row not in results] == []
