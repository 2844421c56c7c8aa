"""What the trusty map says: python runs/trusty/look.py [--out FOLDER]. About ten CPU-minutes.

Trains the main row of runs/trusty/run.py once per trusty target (seed 0), prints the mean of the map on pixels of seen
classes, of unseen classes and of the background of validation scenes, and how well it tells unseen from seen objects (area
under the ROC curve, 50 is chance), how much of a scene of several kinds gets one and the same answer, and draws
docs/results/trusty_map.png.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from rows import SETTINGS, Bench, Row, replace_options, split_of

from tagalign.backbones.load import load_backbone
from tagalign.export.trusty_picture import trusty_picture
from tagalign.methods.trusty.folder import TrustyConfig, load_trusty, save_trusty
from tagalign.methods.trusty.method import TrustyClip

PICTURE = Path(__file__).resolve().parents[2] / "docs" / "results" / "trusty_map.png"
SHOWN = 2
COLORS = 128  # of the palette that keeps the file small


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("trusty-rows"), help="folder of trained models")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    bench = Bench(load_backbone(SETTINGS["backbone"]), arguments.out)
    models = {target: trained(bench, Row(target=target)) for target in ("strict", "paper")}
    for target, model in models.items():
        print(target, json.dumps(measure(bench, model) | answers(bench, model)), flush=True)
    draw(bench, list(models.values())).quantize(COLORS).save(PICTURE, optimize=True)


def trained(bench: Bench, row: Row) -> TrustyClip:
    """The model of a row, from its folder if it is there."""
    folder = bench.folder / f"model-{row.target}"
    if not (folder / "config.json").exists():
        model, clip = bench.train(row, 0), bench.clip
        config = TrustyConfig(
            backbone=clip.name,
            backbone_hash=clip.weight_hash,
            profile=model.profile.name,
            setting=row.setting,
            trusty_target=row.target,
            trained=model.trained,
            templates=model.templates,
            crop=bench.settings["crop"],
            sizes=model.network.sizes,
        )
        save_trusty(folder, model.network, config)
    return replace_options(load_trusty(folder), weighting="both")


def measure(bench: Bench, model: TrustyClip) -> dict[str, float]:
    """Mean of u, the probability of "no seen class", by what a pixel shows, and how u ranks unseen against seen objects."""
    data = bench.data("validation", "objects")
    split, labels = split_of(data), model.encode_labels(data.labels)
    found: dict[str, list[np.ndarray]] = {"seen": [], "unseen": [], "background": []}
    for index in range(len(data)):
        image = data.image(index)
        trusty = model.segment(model.encode_images([image])[0], labels).trusty
        u, target = 1 - trusty.numpy(), data.target(index).astype(int) - 1
        for name, ids in {"seen": split.seen, "unseen": split.unseen, "background": (-1,)}.items():
            found[name].append(u[np.isin(target, ids)])
    values = {name: np.concatenate(parts) for name, parts in found.items()}
    means = {f"u on {name}": round(100 * float(v.mean()), 1) for name, v in values.items()}
    return means | {"area under ROC": round(100 * area(values["unseen"], values["seen"]), 1)}


def answers(bench: Bench, model: TrustyClip) -> dict[str, float]:
    """Without weighting, on object pixels: share of the commonest answer in scenes of several kinds, and what is right."""
    data, plain = bench.data("validation", "objects"), replace_options(model, weighting="none")
    labels, top = plain.encode_labels(data.labels), []
    right: dict[bool, list[float]] = {False: [], True: []}
    for index in range(len(data)):
        target = data.target(index).astype(int) - 1
        found = plain.segment(plain.encode_images([data.image(index)])[0], labels).labels.numpy()[target >= 0]
        target = target[target >= 0]
        has_several = len(np.unique(target)) > 1
        right[has_several].append(float((found == target).mean()))
        if has_several:
            top.append(float(np.bincount(found).max() / len(found)))
    shares = {"one answer": top, "right, several kinds": right[True], "right, one kind": right[False]}
    return {name: round(100 * float(np.mean(values)), 1) for name, values in shares.items()}


def area(high: np.ndarray, low: np.ndarray) -> float:
    """Share of pairs in which the first is above the second."""
    low = np.sort(low)
    wins = np.searchsorted(low, high, "left") + np.searchsorted(low, high, "right")
    return float(wins.mean() / 2 / len(low))


def draw(bench: Bench, models: list[TrustyClip]) -> Image.Image:
    """Validation scenes with an unseen class, one row each: result and trusty map of both targets."""
    data = bench.data("validation", "objects")
    split, rows = split_of(data), []
    for index in range(len(data)):
        kinds = set(np.unique(data.target(index).astype(int) - 1).tolist())
        if not kinds & set(split.unseen) or not kinds & set(split.seen) or len(rows) == SHOWN:
            continue
        photo = data.image(index)
        sheets = []
        for model in models:
            found = model.segment(model.encode_images([photo])[0], model.encode_labels(data.labels))
            sheets.append(trusty_picture(photo, found))
        rows.append(beside(sheets))
    return below(rows)


def beside(sheets: list[Image.Image]) -> Image.Image:
    """Pictures in a row."""
    page = Image.new("RGB", (sum(s.width for s in sheets), max(s.height for s in sheets)), "white")
    left = 0
    for sheet in sheets:
        page.paste(sheet, (left, 0))
        left += sheet.width
    return page


def below(rows: list[Image.Image]) -> Image.Image:
    """Pictures in a column."""
    page = Image.new("RGB", (max(r.width for r in rows), sum(r.height for r in rows)), "white")
    top = 0
    for row in rows:
        page.paste(row, (0, top))
        top += row.height
    return page


if __name__ == "__main__":
    main()
