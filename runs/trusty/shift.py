"""Does it help to lift the trusty map? python runs/trusty/shift.py [--out FOLDER], the folder of runs/trusty/look.py.

Adds a number to the map's logits before Eq. 12 weighs with it, and scores validation scenes (seed 0). 1.66 undoes the share
of unseen pixels among those that the target `paper` is judged on (16 %); the others show the course.
Needs no training.
"""

import argparse
import json
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from look import trained
from rows import SETTINGS, Bench, Row
from torch import Tensor

from tagalign.backbones.load import load_backbone
from tagalign.methods.trusty import method
from tagalign.methods.trusty.combine import weigh
from tagalign.methods.trusty.method import TrustyClip

SHIFTS = (0.0, 1.0, 1.66, 2.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("trusty-rows"), help="folder of trained models")
    torch.set_num_threads(1)
    bench = Bench(load_backbone(SETTINGS["backbone"]), parser.parse_args().out)
    for row in (Row(target="strict"), Row(target="paper")):
        model = trained(bench, row)
        for shift in SHIFTS:
            scores = shifted_scores(bench, model, row, shift)
            shown = {
                way: {k: round(scores[way][k], 1) for k in ("seen", "unseen")}
                for way in ("plain", "weighted")
            }
            print(row.target, shift, json.dumps(shown), flush=True)


def shifted_scores(bench: Bench, model: TrustyClip, row: Row, shift: float) -> dict[str, Any]:
    """Scores on validation scenes, the map's logits raised by ``shift`` before they weigh."""

    def shifted(classes: Tensor, trusty: Tensor | None, *rest: Any, **kw: Any) -> Tensor:
        return weigh(classes, None if trusty is None else trusty + shift, *rest, **kw)

    with patch.object(method, "weigh", shifted):
        return bench.score(model, row, "validation")


if __name__ == "__main__":
    main()
