"""Regions on drawn scenes: mIoU of every dense mode with and without the vote, and AP of instances by pycocotools.

Scenes of three seeds; their true masks as regions, and an over-segmentation of scikit-image (Felzenszwalb's), which is no
dependency of ours. Writes docs/results/regions.json and prints the tables of docs/results/regions.md, one per encoder.
Run: pip install scikit-image && python runs/regions_tiny.py [--scenes 20]
"""

import argparse
import io
import json
import tempfile
from contextlib import redirect_stdout
from pathlib import Path
from statistics import mean

import numpy as np
import torch
from PIL import Image
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from tagalign.atomic import atomic_write
from tagalign.backbones.modes import DENSE_MODES
from tagalign.cli.shared.run_record import git_commit
from tagalign.data.tiny_world import CLASS_SETS, Scene, TinyWorld
from tagalign.evaluate.segmentation import count_pixels
from tagalign.export.coco import write_coco
from tagalign.export.records import Annotated
from tagalign.methods.load import load_method
from tagalign.ops.masks import encode_rle
from tagalign.tags.label_sets import label_set_of
from tagalign.tasks.regions.value import Regions
from tagalign.tasks.regions.voting import part_instances, vote_regions
from tagalign.types import Segmentation

SEEDS = (0, 1, 2)
NAMES = CLASS_SETS["all"]
OBJECTS = len(CLASS_SETS["objects"])
OUT = Path("docs/results/regions.json")


def oversegmented(scene: Scene) -> Regions:
    """Felzenszwalb's segments: some 20 to 60 in a scene of 112 pixels."""
    from skimage.segmentation import felzenszwalb

    ids = felzenszwalb(scene.image, scale=50, sigma=0.5, min_size=16)
    return Regions.of_ids(torch.from_numpy(ids.astype(np.int64) + 1))


def true_regions(scene: Scene) -> Regions:
    """What one sees of each object, and the background."""
    return Regions.of_ids(torch.from_numpy(scene.owner.astype(np.int64) + 2))


COLUMNS = {
    "plain": "mIoU",
    "true": "after the vote of true masks",
    "felzenszwalb": "after the vote of Felzenszwalb's segments",
    "AP of parts": "AP of connected parts",
    "AP of true": "AP of true masks",
    "AP of felzenszwalb": "AP of the segments",
}
REGIONS = {"true": true_regions, "felzenszwalb": oversegmented}


def miou(found: list[Segmentation], scenes: list[Scene]) -> float:
    """Mean IoU over the classes that occur, in percent."""
    counts = sum(
        count_pixels(one.labels, torch.from_numpy(scene.label_map("all").astype(np.int64)), len(NAMES))
        for one, scene in zip(found, scenes, strict=True)
    )
    union = counts.sum(0) + counts.sum(1) - counts.diag()
    there = counts.sum(1) > 0
    return 100 * float((counts.diag() / union.clamp(min=1))[there].mean())


def average_precision(found: list[Segmentation], scenes: list[Scene]) -> float:
    """AP of the objects at IoU 0.5 to 0.95 by pycocotools, in percent; backgrounds are things that nobody counts."""
    truth = {
        "images": [],
        "annotations": [],
        "categories": [{"id": i + 1, "name": n} for i, n in enumerate(NAMES)],
    }
    for i, scene in enumerate(scenes, start=1):
        truth["images"].append({"id": i, "file_name": f"{i}.png", "height": scene.size, "width": scene.size})
        for one in scene.instances:
            code = {"size": [scene.size] * 2, "counts": encode_rle(torch.from_numpy(one.mask)).decode()}
            truth["annotations"].append(
                {"id": len(truth["annotations"]) + 1, "image_id": i, "category_id": NAMES.index(one.name) + 1,
                 "segmentation": code, "area": int(one.mask.sum()), "iscrowd": 0,
                 "bbox": [one.box[0], one.box[1], one.box[2] - one.box[0], one.box[3] - one.box[1]]}
            )  # fmt: skip
    with redirect_stdout(io.StringIO()), tempfile.TemporaryDirectory() as folder:
        gold = COCO()
        gold.dataset = truth
        gold.createIndex()
        images = [
            Annotated(file_name=f"{i}.png", size=(s.size, s.size), segmentation=one)
            for i, (one, s) in enumerate(zip(found, scenes, strict=True), start=1)
        ]
        write_coco(Path(folder) / "found.json", images)  # as the export writes them
        rows = json.loads((Path(folder) / "found.json").read_text())["annotations"]
        scored = COCOeval(gold, gold.loadRes(rows), "segm")
        scored.params.catIds = list(range(1, OBJECTS + 1))
        scored.evaluate()
        scored.accumulate()
        scored.summarize()
    return 100 * float(scored.stats[0])


def row(model: str, mode: str, scenes: list[Scene]) -> dict[str, float]:
    """All numbers of a mode on the scenes of a seed."""
    method = load_method(model, method=mode, device="cpu")
    photos = [Image.fromarray(scene.image) for scene in scenes]
    labels = method.encode_labels(label_set_of(list(NAMES)))
    found = [method.segment(one, labels) for one in method.encode_images(photos)]
    scores = {"plain": miou(found, scenes)}
    parts = [part_instances(one) for one in found]
    scores["AP of parts"] = average_precision(parts, scenes)
    for name, regions_of in REGIONS.items():
        voted = [vote_regions(one, regions_of(scene)) for one, scene in zip(found, scenes, strict=True)]
        scores[name] = miou(voted, scenes)
        scores[f"AP of {name}"] = average_precision(voted, scenes)
    return scores


def model_rows(model: str, number: int) -> dict[str, dict[str, list[float]]]:
    """Every mode, by column and seed."""
    rows = {}
    for mode in DENSE_MODES:
        seeds = [row(model, mode, list(TinyWorld(seed=seed, split="test").take(number))) for seed in SEEDS]
        rows[mode] = {name: [round(one[name], 2) for one in seeds] for name in seeds[0]}
        shown = "  ".join(f"{name} {mean(values):.1f}" for name, values in rows[mode].items())
        print(f"{model} {mode}: {shown}", flush=True)
    return rows


def markdown(model: str, rows: dict[str, dict[str, list[float]]]) -> str:
    """Means over the seeds."""
    lines = [f"`{model}`:\n", f"| mode | {' | '.join(COLUMNS.values())} |", f"|---|{'--:|' * len(COLUMNS)}"]
    for mode, values in rows.items():
        lines.append(f"| {mode} | {' | '.join(f'{mean(values[name]):.1f}' for name in COLUMNS)} |")
    return "\n".join(lines) + "\n"


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenes", type=int, default=20)
    parser.add_argument("--models", nargs="+", default=["tiny", "tiny-plain"])
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    tables = {model: model_rows(model, arguments.scenes) for model in arguments.models}
    settings = {"scenes": arguments.scenes, "seeds": SEEDS, "commit": git_commit()}
    with atomic_write(OUT) as temp:
        temp.write_text(json.dumps(settings | {"models": tables}, indent=1) + "\n")
    for model, rows in tables.items():
        print(markdown(model, rows))


if __name__ == "__main__":
    main()
