"""The TagAlign tables of docs/results/tagalign.md: python runs/tables_tiny.py TABLE [--seeds 0 1 2] (tiny world, percent).

TABLE is `head` (paper Tables 1, 2 and 7: baselines, captions, objects, attributes), `losses` (paper Table 6) or `lists`
(paper Table 3: sizes of the tag lists, with training time, on the small and the large class set).
Writes docs/results/TABLE.json (settings and every number) and docs/results/TABLE.md. `losses` and `lists` train CLIP's head
alone, without the convolutions, which is eight times as fast. About 20, 4 and 2 minutes of one core for three seeds.
"""

import argparse
import dataclasses
import json
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import torch

from tagalign.backbones.load import load_backbone
from tagalign.backbones.protocols import BlockBackbone
from tagalign.cli.shared.run_record import git_commit
from tagalign.experiments import protocol
from tagalign.experiments.rows import BASELINES, BOTH, TRAINED, TableRow, method_of, spread, vocabulary_of
from tagalign.experiments.scoring import RowScores, class_set_miou, score
from tagalign.experiments.world import Sizes, build_world

OUT = Path(__file__).resolve().parents[1] / "docs" / "results"
OBJECTS = ("object",)
SIZES = Sizes(train=2000, validation=80, test=200, steps=200, batch_size=128)

QUICK = dataclasses.replace(SIZES, num_blocks=0)

HEAD = (*BASELINES, *TRAINED, TableRow(name="tagalign-attributes", losses=BOTH, kinds=("attribute",)))
LOSSES = tuple(
    TableRow(name=f"objects, {loss}", losses=BOTH, kinds=OBJECTS, loss=loss)
    for loss in ("balanced", "softmax", "weighted", "focal", "asymmetric")
)
LISTS = ((10, 0), (25, 0), (100, 0), (500, 0), (500, 10), (500, 100))
"""Sizes of the object list and of the attribute list."""

COLUMNS = {
    "mIoU all": ("segmentation", "miou"),
    "mIoU objects": ("segmentation", "miou_objects"),
    "pixel accuracy": ("segmentation", "pixel_accuracy"),
    "referring mIoU": ("referring", "miou"),
    "referring P@0.5": ("referring", "precision_50"),
}


def rows_table(
    rows: tuple[TableRow, ...], sizes: Sizes, model: str, seeds: list[int], jobs: int
) -> dict[str, list[RowScores]]:
    """Scores by row and seed, one process per seed; a baseline is scored once, because no seed touches it."""
    trained = tuple(row for row in rows if row.losses)
    work = [(rows if seed == seeds[0] else trained, sizes, model, seed) for seed in seeds]
    with ProcessPoolExecutor(min(jobs, len(seeds)), mp_context=get_context("spawn")) as pool:
        parts = list(pool.map(seed_rows, *zip(*work, strict=True)))
    return {row.name: [part[row.name] for part in parts if row.name in part] for row in rows}


def seed_rows(rows: tuple[TableRow, ...], sizes: Sizes, model: str, seed: int) -> dict[str, RowScores]:
    """All rows of one seed."""
    torch.set_num_threads(1)
    backbone = load_backbone(model)
    world, found = build_world(backbone, sizes, seed=seed), {}
    for row in rows:
        start = time.perf_counter()
        method = method_of(row, backbone, world, sizes)
        found[row.name] = score(method, world.test, world.validation, name=row.name)
        say(
            seed=seed,
            row=row.name,
            seconds=round(time.perf_counter() - start, 1),
            **found[row.name].segmentation,
        )
        say(referring=found[row.name].referring)
    return found


def say(**values: object) -> None:
    """Progress, one JSON line each."""
    print(
        json.dumps({k: round(v, 3) if isinstance(v, float) else v for k, v in values.items()}, default=str),
        flush=True,
    )


def rows_markdown(found: dict[str, list[RowScores]]) -> str:
    """Mean and sample standard deviation over seeds, percent."""
    lines = [f"| row | {' | '.join(COLUMNS)} | seeds |", f"|---|{'--:|' * (len(COLUMNS) + 1)}"]
    for name, runs in found.items():
        cells = []
        for task, key in COLUMNS.values():
            mean, deviation = spread([getattr(run, task)[key] for run in runs])
            cells.append(f"{mean:.1f} ± {deviation:.1f}" if len(runs) > 1 else f"{mean:.1f}")
        lines.append(f"| {name} | {' | '.join(cells)} | {len(runs) if len(runs) > 1 else '1'} |")
    return "\n".join(lines) + "\n"


def lists_table(backbone: BlockBackbone, seed: int) -> list[dict[str, float]]:
    """One row per pair of list sizes: cost, and mIoU of the small and the large class set."""
    world, rows = build_world(backbone, QUICK, seed=seed), []
    for objects, attributes in LISTS:
        kinds = ("object", "attribute") if attributes else OBJECTS
        vocabulary = vocabulary_of(world, kinds=kinds, objects=objects, attributes=attributes)
        row = TableRow(name="tag loss alone", losses={"tag": 1.0}, kinds=kinds)
        start = time.perf_counter()
        method = method_of(row, backbone, world, QUICK, vocabulary=vocabulary)
        rows.append(
            {
                "objects": vocabulary.kinds.count("object"),
                "attributes": vocabulary.kinds.count("attribute"),
                "train_s": time.perf_counter() - start,
                "miou_small": class_set_miou(method, world.test, "small"),
                "miou_large": class_set_miou(method, world.test, "large"),
            }
        )
        say(**rows[-1])
    return rows


def lists_markdown(rows: list[dict[str, float]]) -> str:
    """One line per row."""
    lines = [
        "| objects | attributes | training, s | mIoU small set | mIoU large set |",
        "|--:|--:|--:|--:|--:|",
    ]
    for row in rows:
        lines.append(
            f"| {row['objects']} | {row['attributes']} | {row['train_s']:.0f} "
            f"| {row['miou_small']:.1f} | {row['miou_large']:.1f} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Make one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", choices=("head", "losses", "lists"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--jobs", type=int, default=2, help="processes, one seed each")
    parser.add_argument("--model", default="tiny")
    arguments = parser.parse_args()
    backbone = load_backbone(arguments.model)
    if arguments.table == "lists":
        rows = lists_table(backbone, arguments.seeds[0])
        markdown, values = lists_markdown(rows), rows
    else:
        rows_of, sizes = (HEAD, SIZES) if arguments.table == "head" else (LOSSES, QUICK)
        found = rows_table(rows_of, sizes, arguments.model, arguments.seeds, arguments.jobs)
        markdown = rows_markdown(found)
        values = {name: [dataclasses.asdict(run) for run in runs] for name, runs in found.items()}
    settings = {
        "seeds": arguments.seeds,
        "sizes": dataclasses.asdict(SIZES if arguments.table == "head" else QUICK),
        "protocol": protocol.describe(),
        "weights": backbone.weight_hash,
        "commit": git_commit(),
        "torch": torch.__version__,
    }
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / f"{arguments.table}.json").write_text(
        json.dumps({"settings": settings, "values": values}, indent=1) + "\n"
    )
    (OUT / f"{arguments.table}.md").write_text(markdown)
    print(markdown)


if __name__ == "__main__":
    main()
