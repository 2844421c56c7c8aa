"""Every dense mode with refinements, windows, gates and phrases on drawn scenes: python runs/modes_tiny.py [--seeds 0 1 2].

No training: a seed draws other scenes, of the validation split (which decides what a default is) and of the test split
(which is printed). Every pixel has a class and no threshold enters. A scene is encoded once per mode and canvas for all its
rows. Writes docs/results/modes.json and docs/results/modes.md.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from tagalign.atomic import atomic_write
from tagalign.backbones.load import load_backbone
from tagalign.backbones.modes import DENSE_MODES
from tagalign.backbones.protocols import BlockBackbone
from tagalign.cli.shared.run_record import git_commit
from tagalign.data.benchmarks.tiny import TinyReferring, TinySegmentation, tiny_segmentation
from tagalign.evaluate.ask_dense import AskReferring, AskSegmentation
from tagalign.evaluate.engine import Asker
from tagalign.evaluate.score import SCORERS
from tagalign.experiments import protocol
from tagalign.experiments.rows import spread
from tagalign.experiments.scoring import ask_together
from tagalign.experiments.world import class_labels
from tagalign.labels import LabelSet
from tagalign.methods.dense.method import DenseMethod
from tagalign.methods.dense.mode_options import options_of_mode
from tagalign.methods.gated.method import Gated
from tagalign.methods.options import build_options
from tagalign.methods.tagclip.method import TagClip
from tagalign.types import EncodedLabels, Tagging

OUT = Path(__file__).resolve().parents[1] / "docs" / "results"
MODELS = ("tiny", "tiny-plain")
SPLITS = (protocol.VALIDATION_SPLIT, protocol.TEST_SPLIT)
REFINEMENTS = ("none", "tlp", "tlp:profile=released")
WINDOWS = {"short_side": 120, "window": 80, "stride": 40}
"""Native windows on 1.5 times their side, as the papers cut photos."""
COLUMNS = {
    "none": "alone",
    "tlp": "`tlp`",
    "tlp:profile=released": "`tlp:profile=released`",
    "windows": "windows",
    "stitch": "`--stitch`",
    "gated": "gated",
}
GAINS = {"tlp": "none", "tlp:profile=released": "none", "stitch": "windows", "gated": "none"}
"""What the gain of a column is over."""
Row = dict[str, float]


class OnceTagger:
    """A tagger whose answer about a photo does not depend on the mode behind it, so that it is asked once."""

    method = "tagclip"

    def __init__(self, tagger: TagClip) -> None:
        self.tagger = tagger
        self.found: dict[bytes, Tagging] = {}

    def encode_images(self, photos: Sequence[Image.Image]) -> list[Image.Image]:
        """The photos themselves."""
        return list(photos)

    def encode_labels(self, labels: LabelSet) -> EncodedLabels:
        """As the tagger does."""
        return self.tagger.encode_labels(labels)

    def tag_batch(self, photos: Sequence[Image.Image], labels: EncodedLabels) -> list[Tagging]:
        """From memory where there is an answer; one list of labels is asked for."""
        for photo in photos:
            if photo.tobytes() not in self.found:
                encoded = self.tagger.encode_images([photo])[0]
                self.found[photo.tobytes()] = self.tagger.tag(encoded, labels)
        return [self.found[photo.tobytes()] for photo in photos]


def method_of(backbone: BlockBackbone, mode: str, options: Mapping[str, Any]) -> DenseMethod:
    """A mode with options over an encoder that is loaded."""
    built = build_options(options_of_mode(mode), options, method=mode)
    return DenseMethod(backbone, built, method=mode, mode=mode)


def mode_row(backbone: BlockBackbone, tagger: Any, mode: str, scenes: TinySegmentation) -> Row:
    """MIoU in percent by column; ``refer`` over the phrases of the same scenes."""
    labels = class_labels(protocol.CLASSES)
    whole = {refine: method_of(backbone, mode, {"refine": refine}) for refine in REFINEMENTS}
    askers: dict[str, Asker] = {
        refine: AskSegmentation(method, scenes, labels) for refine, method in whole.items()
    }
    phrases = TinyReferring(name="phrases", world=scenes.world, scenes=scenes.scenes, unit="phrases")
    askers["refer"] = AskReferring(whole["none"], phrases)
    found = scored(whole["none"], askers)
    cut = {
        "windows": method_of(backbone, mode, WINDOWS),
        "stitch": method_of(backbone, mode, WINDOWS | {"stitch": True}),
        "gated": Gated(tagger, whole["none"]),
    }
    for name, method in cut.items():
        found |= scored(method, {name: AskSegmentation(method, scenes, labels)})
    return found


def scored(method: Any, askers: Mapping[str, Asker]) -> Row:
    """One number for each question about scenes that are encoded once."""
    rows = ask_together(method, askers)
    return {
        name: SCORERS[one.kind](rows[name], one.scoring()).metrics["miou"] for name, one in askers.items()
    }


def model_table(
    backbone: BlockBackbone, seeds: list[int], count: int, split: str
) -> dict[str, dict[str, list[float]]]:
    """All modes, one line of progress each."""
    found: dict[str, dict[str, list[float]]] = {mode: {} for mode in DENSE_MODES}
    tagger = OnceTagger(TagClip(backbone))
    for seed in seeds:
        scenes = tiny_segmentation(protocol.CLASSES, scenes=count, seed=seed, split=split)
        for mode in DENSE_MODES:
            row = mode_row(backbone, tagger, mode, scenes)
            for name, value in row.items():
                found[mode].setdefault(name, []).append(round(value, 2))
            shown = {name: values[-1] for name, values in found[mode].items()}
            print(json.dumps({"split": split, "seed": seed, "mode": mode, **shown}), flush=True)
    return found


def markdown(model: str, split: str, found: dict[str, dict[str, list[float]]]) -> str:
    """Mean and sample standard deviation over seeds, percent; gains are paired by seed."""
    heads = ["mode"]
    for name, shown in COLUMNS.items():
        heads += [shown, "gain"] if name in GAINS else [shown]
    lines = [
        f"`{model}`, {split} scenes:\n",
        f"| {' | '.join([*heads, '`refer`'])} |",
        f"|---|{'--:|' * len(heads)}",
    ]
    for mode, values in found.items():
        cells = []
        for name in COLUMNS:
            cells.append(_cell(values[name]))
            if name in GAINS:
                gains = [b - a for a, b in zip(values[GAINS[name]], values[name], strict=True)]
                cells.append(_cell(gains, sign="+"))
        lines.append(f"| {mode} | {' | '.join([*cells, _cell(values['refer'])])} |")
    return "\n".join(lines) + "\n"


def _cell(values: list[float], *, sign: str = "") -> str:
    mean, deviation = spread(values)
    return f"{mean:{sign}.1f} ± {deviation:.1f}"


@torch.inference_mode()
def main() -> None:
    """Make the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--scenes", type=int, default=20)
    parser.add_argument("--models", nargs="+", default=list(MODELS))
    parser.add_argument("--splits", nargs="+", default=list(SPLITS))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    tables: dict[str, Any] = {}
    weights = {}
    for model in arguments.models:
        backbone = load_backbone(model)
        weights[model] = backbone.weight_hash
        tables[model] = {
            split: model_table(backbone, arguments.seeds, arguments.scenes, split)
            for split in arguments.splits
        }
    settings = {
        "models": weights,
        "seeds": arguments.seeds,
        "scenes": arguments.scenes,
        "windows": WINDOWS,
        "protocol": protocol.describe(),
        "commit": git_commit(),
        "torch": torch.__version__,
    }
    text = json.dumps({"settings": settings, "values": tables}, indent=1) + "\n"
    pages = [markdown(m, s, found) for m, by_split in tables.items() for s, found in by_split.items()]
    for name, content in {"modes.json": text, "modes.md": "\n".join(pages)}.items():
        with atomic_write(OUT / name) as temp:
            temp.write_text(content, encoding="utf-8")
    print("\n".join(pages))


if __name__ == "__main__":
    main()
