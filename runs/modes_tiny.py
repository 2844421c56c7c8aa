"""Every dense mode with and without ``--refine tlp`` on drawn scenes: python runs/modes_tiny.py [--seeds 0 1 2].

No training: a seed draws other test scenes. Every pixel has a class and no threshold enters. A scene is encoded once per
mode for all its rows. Writes docs/results/modes.json and docs/results/modes.md.
"""

import argparse
import json
from pathlib import Path

import torch

from tagalign.backbones.load import load_backbone
from tagalign.backbones.modes import DENSE_MODES
from tagalign.backbones.protocols import BlockBackbone
from tagalign.cli.shared.run_record import git_commit
from tagalign.data.benchmarks.tiny import TinySegmentation, tiny_segmentation
from tagalign.evaluate.ask_dense import AskSegmentation
from tagalign.evaluate.score import SCORERS
from tagalign.experiments import protocol
from tagalign.experiments.rows import spread
from tagalign.experiments.scoring import ask_together
from tagalign.experiments.world import class_labels
from tagalign.methods.dense.method import DenseMethod
from tagalign.methods.dense.mode_options import options_of_mode
from tagalign.methods.options import build_options

OUT = Path(__file__).resolve().parents[1] / "docs" / "results"
REFINEMENTS = ("none", "tlp", "tlp:profile=released")
Table = dict[str, dict[str, list[float]]]


def mode_row(backbone: BlockBackbone, mode: str, scenes: TinySegmentation) -> dict[str, float]:
    """MIoU in percent by refinement."""
    methods = {
        refine: DenseMethod(
            backbone,
            build_options(options_of_mode(mode), {"refine": refine}, method=mode),
            method=mode,
            mode=mode,
        )
        for refine in REFINEMENTS
    }
    labels = class_labels(protocol.CLASSES)
    askers = {refine: AskSegmentation(method, scenes, labels) for refine, method in methods.items()}
    rows = ask_together(methods["none"], askers, name=mode)
    return {r: SCORERS[a.kind](rows[r], a.scoring()).metrics["miou"] for r, a in askers.items()}


def table(backbone: BlockBackbone, seeds: list[int], count: int) -> Table:
    """All modes, one line of progress each."""
    found: Table = {mode: {refine: [] for refine in REFINEMENTS} for mode in DENSE_MODES}
    for seed in seeds:
        scenes = tiny_segmentation(protocol.CLASSES, scenes=count, seed=seed, split=protocol.TEST_SPLIT)
        for mode in DENSE_MODES:
            for refine, value in mode_row(backbone, mode, scenes).items():
                found[mode][refine].append(value)
            print(
                json.dumps({"seed": seed, "mode": mode, **{r: v[-1] for r, v in found[mode].items()}}),
                flush=True,
            )
    return found


def markdown(found: Table) -> str:
    """Mean and sample standard deviation over seeds, percent; gains are paired by seed."""
    lines = [
        "| mode | alone | with `tlp` | gain | with `tlp:profile=released` | gain |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for mode, values in found.items():
        cells = [_cell(values["none"])]
        for refine in REFINEMENTS[1:]:
            gains = [b - a for a, b in zip(values["none"], values[refine], strict=True)]
            cells += [_cell(values[refine]), _cell(gains, sign="+")]
        lines.append(f"| {mode} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _cell(values: list[float], *, sign: str = "") -> str:
    mean, deviation = spread(values)
    return f"{mean:{sign}.1f} ± {deviation:.1f}"


@torch.inference_mode()
def main() -> None:
    """Make the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--scenes", type=int, default=60)
    parser.add_argument("--model", default="tiny")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    backbone = load_backbone(arguments.model)
    found = table(backbone, arguments.seeds, arguments.scenes)
    settings = {
        "model": arguments.model,
        "seeds": arguments.seeds,
        "scenes": arguments.scenes,
        "protocol": protocol.describe(),
        "weights": backbone.weight_hash,
        "commit": git_commit(),
        "torch": torch.__version__,
    }
    text = json.dumps({"settings": settings, "values": found}, indent=1) + "\n"
    (OUT / "modes.json").write_text(text, encoding="utf-8")
    (OUT / "modes.md").write_text(markdown(found), encoding="utf-8")
    print(markdown(found))


if __name__ == "__main__":
    main()
