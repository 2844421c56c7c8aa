"""TagAlign's head tables at matched coverage: world version 2, frozen row first.

python runs/tables_head.py TABLE [TABLE ...] [--model tiny tiny-plain] [--seeds 0 1 2] [--report]

TABLE is `head-rows` (paper Tables 1 and 7), `head-surgery` (the same on features of that mode), `head-lists` (Table 3),
`head-parsers` and `head-attributes` (Table 5), `head-losses` (Table 6), a curve of the gain (`head-noise` over misleading
alt text, `head-coverage` over the batch, `head-fractions` over the data), or `head-reasons` and `head-reasons-surgery` (what
training does to objects and background, with remedies). CLIP's own head alone is trained.
The same command goes on where it stopped; several tables in one command share features and equal rows.
Writes docs/results/TABLE.json (with the claims of docs/results.md) and docs/results/TABLE.md; --report writes them from what
is measured already. About 15 s a cell of one quiet core, and 45 s for each encoder and seed.
"""

import argparse
import sys
from pathlib import Path

import torch

from tagalign.atomic import atomic_write
from tagalign.backbones.load import load_backbone
from tagalign.experiments.head.cells import SEEDS
from tagalign.experiments.head.directions import claims
from tagalign.experiments.head.journal import Journal
from tagalign.experiments.head.report import markdown
from tagalign.experiments.head.run import measure, name_of, settings, take_over
from tagalign.experiments.head.tables import TABLES

OUT = Path(__file__).resolve().parents[1] / "docs" / "results"


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tables", nargs="+", choices=TABLES, metavar="TABLE")
    parser.add_argument("--model", nargs="+", default=["tiny", "tiny-plain"])
    parser.add_argument(
        "--seeds", nargs="+", type=int, choices=SEEDS, default=SEEDS, help="measure these alone"
    )
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--report", action="store_true", help="measure nothing")
    args = parser.parse_args()
    torch.set_num_threads(1)
    backbones = [load_backbone(name) for name in args.model]
    journals = {name: Journal(args.out / f"{name}.json", settings()) for name in TABLES}
    take_over(backbones, journals, args.tables)
    if not args.report:
        measure(backbones, journals, args.tables, say, seeds=args.seeds)
    for table in args.tables:
        found = {backbone.name: journals[table].of(name_of(backbone)) for backbone in backbones}
        journals[table].conclude(claims(table, found))
        parts = [
            f"Encoder `{name}`:\n\n{markdown(table, values)}" for name, values in found.items() if values
        ]
        text = "\n".join(parts)
        with atomic_write(args.out / f"{table}.md") as path:
            path.write_text(text, encoding="utf-8")
        print(text)


if __name__ == "__main__":
    main()
