"""What SPARC and PIAA say of a look at a folder, held against our numbers: python runs/looks_claims.py.

Reads docs/results/looks.json and looks-plain.json (of runs/looks_tiny.py) and looks-reasons.json (of runs/looks_reasons.py),
and writes ``claims`` into the first two, from which docs/results.md is made. Measures nothing.
"""

import json
from pathlib import Path
from typing import Any

from tagalign.atomic import atomic_write
from tagalign.experiments.head.report import interval, shown
from tagalign.json_text import json_text

RESULTS = Path(__file__).resolve().parents[1] / "docs/results"
FILES = ("looks.json", "looks-plain.json")
TAGGERS = ("tagclip", "surgery", "clip")
SOFTMAX_TWICE = "scores went through a softmax over the labels before; the step of the profile `fixed`, without a second one"


def directions() -> list[tuple[str, str, str, str]]:
    """Paper, what it says, the row that should be above, the row below."""
    found = [
        ("SPARC", "standardising raises cosines of the whole image", "whole image + SPARC", "whole image")
    ]
    for name in TAGGERS:
        says = f"standardising raises `{name}`"
        found.append(("SPARC", says, f"{name} + SPARC, released", name))
    for name in TAGGERS:
        says = f"Gaussians of the folder's patches raise `{name}`"
        found.append(("PIAA", says, f"{name} + PIAA", name))
    return found


def claims(report: dict[str, Any], reasons: dict[str, Any]) -> list[dict[str, Any]]:
    """In the form that the page of all results reads; paired by seed."""
    found, encoder = [], report["model"]["model"]
    for paper, says, above, below in directions():
        better, worse = (report["rows"][row]["seeds"] for row in (above, below))
        gains = [a - b for a, b in zip(better, worse, strict=True)]
        mean, half = interval(gains)
        assert half is not None  # three seeds
        holds = mean > half
        before, after = (sum(side) / len(side) for side in (worse, better))
        found.append(
            {
                "paper": paper, "table": "COCO mAP", "direction": says,
                "verdict": "holds" if holds else "fails", "ours": f"{before:.1f} to {after:.1f} mAP",
                "interval": shown(gains, sign=True), "seeds": len(gains),
                "reason": "" if holds else reason(paper, below, report, reasons["models"][encoder], abs(mean) <= half),
                "link": "looks.md", "encoder": encoder,
            }
        )  # fmt: skip
    return found


def reason(
    paper: str, tagger: str, report: dict[str, Any], patches: dict[str, dict[str, float]], within: bool
) -> str:
    """Of a failure: what was measured of the folder's patches, or of the step alone."""
    if within:
        return "within the spread of seeds"
    if paper == "SPARC":
        alone = report["rows"][f"{tagger} + SPARC, fixed"]["mean"]
        return f"{SOFTMAX_TWICE}, keeps {alone:.1f}"
    text, bank, clean = (patches[row]["mean"] for row in ("text", "bank", "bank without mistakes"))
    return (
        f"{patches['bank on its label']['mean']:.0f} % of the bank lie on their label; patches of objects get the right "
        f"name from the text in {text:.0f} %, from the bank in {bank:.0f} %, from a bank without mistakes in {clean:.0f} %"
    )


def main() -> None:
    """Write the claims into both files."""
    reasons = json.loads((RESULTS / "looks-reasons.json").read_text(encoding="utf-8"))
    for name in FILES:
        report = json.loads((RESULTS / name).read_text(encoding="utf-8"))
        report["claims"] = claims(report, reasons)
        with atomic_write(RESULTS / name) as temp:
            temp.write_text(json_text(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
