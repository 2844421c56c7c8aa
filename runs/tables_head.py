"""TagAlign's head tables at matched coverage: world version 2, frozen row first.

python runs/tables_head.py TABLE [--model tiny tiny-plain]

TABLE is `head-rows` (paper Tables 1 and 7), `head-surgery` (the same on features of that mode), `head-noise` (the gain
over the share of misleading alt text), `head-coverage` (over the batch), `head-losses` (Table 6) or `head-lists` (Table 3).
CLIP's own head alone is trained.
The same command goes on where it stopped. Writes docs/results/TABLE.json and docs/results/TABLE.md.
About 20 s a cell of one quiet core; `head-rows` has 13 cells for each encoder.
"""

import argparse
import sys
from pathlib import Path

import torch

from tagalign.backbones.load import load_backbone
from tagalign.experiments.head.cells import TABLES
from tagalign.experiments.head.directions import claims
from tagalign.experiments.head.journal import Journal
from tagalign.experiments.head.report import markdown
from tagalign.experiments.head.run import measure, name_of, settings

OUT = Path(__file__).resolve().parents[1] / "docs" / "results"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", choices=TABLES)
    parser.add_argument("--model", nargs="+", default=["tiny", "tiny-plain"])
    parser.add_argument("--out", type=Path, default=OUT)
    args = parser.parse_args()
    torch.set_num_threads(1)
    backbones = [load_backbone(name) for name in args.model]
    journal, cells = Journal(args.out / f"{args.table}.json", settings()), TABLES[args.table]
    parts = []
    for backbone in backbones:
        measure(backbone, cells, journal, lambda line: print(line, file=sys.stderr, flush=True))
        parts.append(f"Encoder `{backbone.name}`:\n\n{markdown(cells, journal.of(name_of(backbone)))}")
    journal.conclude(claims(args.table, {one.name: journal.of(name_of(one)) for one in backbones}))
    (args.out / f"{args.table}.md").write_text("\n".join(parts))
    print("\n".join(parts))


if __name__ == "__main__":
    main()
