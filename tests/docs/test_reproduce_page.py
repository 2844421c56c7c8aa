"""docs/reproduce.md is what its script makes of the published numbers."""

import runpy
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_page_is_made_from_the_numbers():
    made = runpy.run_path(str(ROOT / "runs/reproduce_page.py"))["page"]()
    assert (ROOT / "docs/reproduce.md").read_text(encoding="utf-8") == made, (
        "run python runs/reproduce_page.py"
    )
