"""The page of directions: counts, one line a direction, and that docs/results.md is what the script makes."""

import json
from pathlib import Path

from tagalign.experiments.claims.claim import claim_of, read_claims
from tagalign.experiments.claims.page import results_page

DOCS = Path(__file__).resolve().parents[3] / "docs"


def test_encoders_of_a_direction_share_a_line_and_all_are_counted(good):
    fails = {**good, "verdict": "fails", "reason": "cut | short", "encoder": "tiny-plain"}
    lines = results_page([claim_of({**good, "encoder": "tiny"}), claim_of(fails)]).splitlines()
    assert "| [TagAlign](#tagalign) | 1 | 1 | 0 |" in lines
    (line,) = [line for line in lines if "tags raise captions" in line]
    assert line == (
        "| [Table 7](results/head-rows.md) | tags raise captions | **holds** (`tiny`)<br>fails (`tiny-plain`) "
        "| 33.6 to 35.5, +1.9 ± 0.7 | 3 | <br>cut \\| short |"
    )


def test_a_paper_without_claims_has_no_part(good):
    assert "Tag2Text" not in results_page([claim_of(good)])


def test_the_page_of_the_docs_is_what_the_script_writes():
    written = (DOCS / "results.md").read_text(encoding="utf-8")
    assert written == results_page(read_claims(DOCS / "results")), "run python runs/results_page.py"


def test_links_lead_to_files():
    for path in (DOCS / "results").glob("*.json"):
        found = json.loads(path.read_text(encoding="utf-8"))
        for claim in found.get("claims", []) if isinstance(found, dict) else []:
            assert (DOCS / "results" / claim["link"].partition("#")[0]).is_file(), path.name
