"""Write docs/results.md from the claims of docs/results/*.json: python runs/results_page.py (a second)."""

import argparse
from pathlib import Path

from tagalign.atomic import atomic_write
from tagalign.experiments.claims.claim import read_claims
from tagalign.experiments.claims.page import results_page

DOCS = Path(__file__).resolve().parents[1] / "docs"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--docs", type=Path, default=DOCS, help="folder with results/ and results.md")
    docs: Path = parser.parse_args().docs
    with atomic_write(docs / "results.md") as path:
        path.write_text(results_page(read_claims(docs / "results")), encoding="utf-8")


if __name__ == "__main__":
    main()
