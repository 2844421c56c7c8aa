"""Trains the parser that the package ships, and measures it on captions it never saw.

Objects, attributes and pairs of FACTUAL's scene graphs (Visual Genome regions): three taggers are trained first, then a
last one on the gold tags and on what the three expect together. About five minutes of one core.
Run: python runs/distil_parser.py --data ../shared/data/tagparse [--out src/tagalign/tags/models/distilled]
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from tagalign.tags.agreement import score
from tagalign.tags.distil import DistilSettings, distil
from tagalign.tags.distilled import PACKAGED_MODEL, DistilledParser
from tagalign.tags.parses import ParsedCaption
from tagalign.tags.shards import read_rows

SETTINGS = DistilSettings(
    width=128, min_count=2, epochs=10, members=3, member_epochs=4, dropout=0.25, teacher_weight=0.7, seed=0
)
CARD = """The default parser of tagalign. Trained by `runs/distil_parser.py` on 37,861 region captions with the scene graphs
of FACTUAL (Li et al., ACL Findings 2023; repository badge: MIT). The captions are Visual Genome's (Krishna et al., 2017;
CC BY 4.0). The model holds word statistics of this text and no captions.

Settings, counts and the measurement on 1,000 captions of the development split stand in `config.json`. The captions are
short, plain descriptions of what can be seen: on alt text of the web, names, brands and abstract words are the commonest
errors (see `docs/results/captions.md`)."""


def rows(path: Path) -> list[tuple[str, ParsedCaption]]:
    """Captions and gold tags."""
    return [(row.caption, row.parse) for row in read_rows(path)]


def official(gold: Path, parses: list[ParsedCaption], captions: list[str]) -> dict[str, dict[str, float]]:
    """What the data's own scorer says."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "found.jsonl"
        lines = (
            json.dumps({"caption": caption, "objects": parse.objects, "attributes": parse.attributes})
            for caption, parse in zip(captions, parses, strict=True)
        )
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        command = [sys.executable, str(gold.parent / "score_parse.py"), str(gold), str(path)]
        return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", type=Path, required=True, help="folder with train.jsonl, dev.jsonl, score_parse.py"
    )
    parser.add_argument("--out", type=Path, default=PACKAGED_MODEL)
    given = parser.parse_args()
    torch.set_num_threads(1)  # the tensors are small; a second thread costs more than it gives
    start, used = time.perf_counter(), time.process_time()
    facts = distil(
        rows(given.data / "train.jsonl"), given.out, settings=SETTINGS, card=CARD,
        on_epoch=lambda epoch, loss: print(f"epoch {epoch}: {loss:.4f}, {time.process_time() - used:.0f} s", flush=True),
    )  # fmt: skip
    captions, gold = zip(*rows(given.data / "dev.jsonl"), strict=True)
    parses = DistilledParser(given.out).parse(list(captions))
    found = official(given.data / "dev.jsonl", parses, list(captions))
    config = json.loads((given.out / "config.json").read_text())
    (given.out / "config.json").write_text(json.dumps(config | {"dev": found}, indent=1) + "\n")
    own = {kind: round(one.f1, 4) for kind, one in score(list(gold), parses).items()}
    size = sum(path.stat().st_size for path in given.out.iterdir())
    seconds = {
        "seconds": round(time.perf_counter() - start),
        "cpu_seconds": round(time.process_time() - used),
    }
    print(json.dumps({"dev": found, "own_scorer_f1": own, "bytes": size} | seconds | facts))


if __name__ == "__main__":
    main()
