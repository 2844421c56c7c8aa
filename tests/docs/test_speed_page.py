"""docs/results/speed.md is what its script makes of the numbers, and each line says how it was measured."""

import json
import runpy
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_page_is_made_from_the_numbers():
    made = runpy.run_path(str(ROOT / "runs/speed_page.py"))["page"]()
    assert (ROOT / "docs/results/speed.md").read_text(encoding="utf-8") == made, (
        "run python runs/speed_page.py"
    )


def test_every_line_names_a_script_that_exists_and_the_load():
    rows = json.loads((ROOT / "docs/results/speed.json").read_text(encoding="utf-8"))["rows"]
    for row in rows:
        assert row["load"] in {"quiet", "busy"}
        script = next((word for word in row["command"].split() if "/" in word), None)
        assert row["command"].startswith("tagalign ") or (script and (ROOT / script).exists()), row["command"]
