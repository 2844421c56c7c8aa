"""The page of directions: a summary, one line a direction, and that docs/results.md is what the script makes."""

import json
from pathlib import Path

import pytest

from tagalign.experiments.claims.claim import claim_of, read_claims
from tagalign.experiments.claims.page import results_page

DOCS = Path(__file__).resolve().parents[3] / "docs"


def test_encoders_of_a_direction_share_a_line_and_all_are_counted(good):
    fails = {**good, "verdict": "fails", "reason": "cut | short", "encoder": "tiny-plain", "link": "other.md"}
    lines = results_page([claim_of({**good, "encoder": "tiny"}), claim_of(fails)]).splitlines()
    assert "Each direction and encoder: 1 hold, 1 fail." in lines
    (line,) = [line for line in lines if "tags raise captions" in line]
    assert line == (
        "| [Table 7](results/head-rows.md) | tags raise captions | **holds** (`tiny`)<br>fails (`tiny-plain`) "
        "| 33.6 to 35.5, +1.9 ± 0.7 | 3 | <br>cut \\| short |"
    )


def test_the_summary_has_the_main_directions_alone_with_one_number_an_encoder(good):
    main = {**good, "main": True, "encoder": "tiny", "ours": "33.6 to 35.5 mIoU objects"}
    one_seed = {
        **main,
        "verdict": "fails",
        "reason": "why",
        "encoder": "tiny-plain",
        "seeds": 1,
        "interval": "",
    }
    claims = [
        claim_of(one)
        for one in (main, {**one_seed, "ours": "12.5 to 10.0 mIoU"}, {**good, "direction": "other"})
    ]
    summary = results_page(claims).split("## TagAlign")[0].splitlines()
    (line,) = [line for line in summary if line.startswith("| [")]
    assert line == (
        "| [TagAlign](#tagalign) | [tags raise captions](results/head-rows.md) | mIoU objects "
        "| **holds** +1.9 ± 0.7 | fails -2.5 (one seed) |"
    )


def test_a_summary_line_of_two_pages_leads_to_both(good):
    main = {**good, "main": True, "encoder": "tiny", "ours": "33.6 to 35.5 mIoU objects"}
    other = {**main, "encoder": "tiny-plain", "link": "other.md"}
    page = results_page([claim_of(main), claim_of(other)]).split("## TagAlign")[0]
    (line,) = [line for line in page.splitlines() if line.startswith("| [")]
    assert line.endswith(
        "| [**holds** +1.9 ± 0.7](results/head-rows.md) | [**holds** +1.9 ± 0.7](results/other.md) |"
    )


@pytest.mark.parametrize(
    ("interval", "seeds", "shown"),
    [
        ("-0.5 ± 0.6", 3, "open -0.5 ± 0.6"),
        ("-0.7 ± 0.6", 3, "fails -0.7 ± 0.6"),
        ("+0.9", 1, "open +0.9 (one seed)"),
        ("-1.2", 1, "fails -1.2 (one seed)"),
    ],
)
def test_a_gain_whose_interval_has_zero_in_it_is_open(good, interval, seeds, shown):
    change = {
        "main": True,
        "verdict": "fails",
        "reason": "why",
        "interval": interval,
        "seeds": seeds,
        "encoder": "tiny",
    }
    page = results_page([claim_of({**good, **change, "ours": "10.0 to 11.0 mIoU(U) (head)"})])
    (line,) = [line for line in page.splitlines() if line.startswith("| [TagAlign]")]
    assert line.split(" | ")[2:4] == ["mIoU(U)", shown]


def test_the_summary_of_the_docs_is_read_within_a_minute():
    written = (DOCS / "results.md").read_text(encoding="utf-8").split("\n## ")[0]
    lines = [line for line in written.splitlines() if line.startswith("| [")]
    assert 20 <= len(lines) <= 32  # a line takes two seconds
    for paper in ("TagAlign", "Tag2Text", "TagCLIP", "CLS-SEG", "TrustyCLIP"):
        assert any(line.startswith(f"| [{paper}]") for line in lines)


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
