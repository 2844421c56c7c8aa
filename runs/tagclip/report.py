"""Turn docs/results/tagclip.json into tagclip.md: means and spreads over seeds, and whether the papers' directions hold."""

import json
import math
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

Means = dict[str, dict[str, float]]
Direction = tuple[str, str, Callable[[Means], bool]]


def higher(better: str, worse: str, metric: str) -> Callable[[Means], bool]:
    return lambda rows: rows[better][metric] > rows[worse][metric]


PAPER: dict[str, str] = {
    "table1": "VOC12, ViT-B/16, as published: kept 82.7 mAP / 16.2 mIoU, skipped 85.4 / 41.6.",
    "table2": "VOC07 as published: CLIP without softmax 79.5, CLIP 85.8, CLIP-Surgery 85.4, TagCLIP 92.8.",
    "table3": "VOC12 as published: MaskCLIP 42.1, CLIP-Surgery 41.5, CLS-SEG 64.8, with CRF 68.7.",
    "table4": "VOC12 as published (mAP / mIoU): coarse 85.4 / 30.9, +CWR 88.0 / 55.2, +DMAR 93.9 / 63.7, "
    "both 94.1 / 64.8.",
    "tableS1": "VOC07 as published: off 92.4, on 92.8.",
    "profiles": "Not in the paper. `released` repeats the released code with its defects, `fixed` mends them, "
    "`paper` follows the text.",
    "gating": "Not in the paper. Tags of TagCLIP (objects and backgrounds in groups of their own) prune or weigh the "
    "34 labels; one seed.",
    "groups": "Not in the paper, which names inclusion (cat and animal) as its limitation.",
    "thresholds": "Not in the paper. Thresholds were measured on 100 other scenes.",
}
DIRECTIONS: dict[str, list[tuple[str, Callable[[Means], bool]]]] = {
    "table1": [
        ("skipping the last self-attention raises mAP", higher("skipped", "kept", "mAP")),
        ("and mIoU", higher("skipped", "kept", "mIoU")),
    ],
    "table2": [
        ("softmax raises CLIP's mAP", higher("CLIP", "CLIP without softmax", "mAP")),
        ("TagCLIP is above CLIP", higher("TagCLIP", "CLIP", "mAP")),
        ("TagCLIP is above surgery", higher("TagCLIP", "surgery, best patch", "mAP")),
    ],
    "table3": [
        ("CLS-SEG is above maskclip", higher("CLS-SEG", "maskclip", "mIoU objects")),
        ("CLS-SEG is above surgery", higher("CLS-SEG", "surgery", "mIoU objects")),
        ("the CRF raises CLS-SEG", higher("CLS-SEG + CRF", "CLS-SEG", "mIoU objects")),
    ],
    "table4": [
        ("CWR raises mAP over coarse", higher("coarse + CWR", "coarse", "mAP")),
        ("DMAR raises mAP over coarse", higher("coarse + DMAR", "coarse", "mAP")),
        ("both have the highest mAP", lambda r: max(r, key=lambda k: r[k]["mAP"]) == "coarse + DMAR + CWR"),
        ("both have the highest mIoU", lambda r: max(r, key=lambda k: r[k]["mIoU objects"]) == "coarse + DMAR + CWR"),
    ],
    "tableS1": [("background words raise mAP", higher("on", "off", "mAP"))],
    "gating": [
        ("the hard gate raises every dense mode", lambda r: all(row["hard"] > row["off"] for row in r.values())),
        ("the soft gate raises every dense mode", lambda r: all(row["soft"] > row["off"] for row in r.values())),
    ],
    "groups": [
        ("with groups a kind and its family are tagged together more often",
         higher("two groups", "one softmax", "kind and its family both tagged")),
    ],
    "thresholds": [
        ("thresholds per label raise F1 over the relative one", higher("per label, calibrated", "relative:0.5", "f1")),
        ("and macro F1", higher("per label, calibrated", "relative:0.5", "macro f1")),
    ],
}  # fmt: skip


def means_of(by_seed: list[Means]) -> tuple[Means, Means]:
    """Mean and standard deviation over seeds of every cell."""
    mean: Means = {}
    spread: Means = {}
    for row in by_seed[0]:
        mean[row], spread[row] = {}, {}
        for metric in by_seed[0][row]:
            values = [seed[row][metric] for seed in by_seed]
            mean[row][metric] = statistics.fmean(values)
            spread[row][metric] = statistics.stdev(values) if len(values) > 1 else math.nan
    return mean, spread


def table(mean: Means, spread: Means) -> list[str]:
    metrics = list(next(iter(mean.values())))
    lines = ["| | " + " | ".join(metrics) + " |", "|---|" + "--:|" * len(metrics)]
    for row, values in mean.items():
        cells = [cell(values[m], spread[row][m]) for m in metrics]
        lines.append(f"| {row} | " + " | ".join(cells) + " |")
    return lines


def cell(value: float, deviation: float) -> str:
    return f"{value:.1f}" if math.isnan(deviation) else f"{value:.1f} ± {deviation:.1f}"


def section(name: str, found: dict[str, Any]) -> list[str]:
    mean, spread = means_of(found["rows"])
    lines = [
        f"## {found['title']}",
        "",
        f"{PAPER.get(name, '')} Seeds: {found['seeds']}.",
        "",
        *table(mean, spread),
        "",
    ]
    for words, holds in DIRECTIONS.get(name, []):
        lines.append(f"- {words}: **{'holds' if holds(mean) else 'fails'}**")
    return [*lines, ""]


def curve_section(found: dict[str, Means], scenes: int) -> list[str]:
    few = f"One seed, {scenes} scenes: so few objects that only large differences mean something, and mAP is not that of"
    lines = ["## Curves", "", f"{few} the tables above.", ""]
    for title, rows in found.items():
        none: Means = {row: dict.fromkeys(values, math.nan) for row, values in rows.items()}
        lines += [f"### {title}", "", *table(rows, none), ""]
    return lines


def render(report: dict[str, Any]) -> str:
    settings, model = report["settings"], report["model"]
    lines = [
        "# TagCLIP, CLS-SEG and gating on drawn scenes",
        "",
        "Written by `runs/tagclip/run.sh`; nothing here was measured on photos, and no published number is claimed.",
        "",
        f"- model `{model['name']}`, weights `{model['weight_hash']}`; profile `{settings['profile']}`, dense methods "
        f"`{settings['dense_profile']}`; threshold `{settings['threshold']}`; prompt `{settings['templates'][0]}`",
        f"- {settings['scenes']} crowded test scenes of {settings['world']['size']} pixels per seed, "
        f"seeds {settings['seeds']}; mean and standard deviation over seeds; Table 3 takes the first "
        f"{settings['refined_scenes']} of each seed, gating {settings['gating_scenes']} and the curves "
        f"{settings['curve_scenes']} of the first seed",
        f"- labels: {settings['labels']}; mIoU objects: {settings['miou_objects']}; mIoU: {settings['miou']}",
        "- one scene step by step: [tagclip_steps.md](tagclip_steps.md)",
        "",
    ]
    for name in [known for known in PAPER if known in report["tables"]]:
        lines += section(name, report["tables"][name])
    if "curves" in report:
        lines += curve_section(report["curves"], settings["curve_scenes"])
    return "\n".join(lines).rstrip() + "\n"


def main() -> None:
    """Read the JSON beside which the page is written."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path("docs/results")
    report = json.loads((folder / "tagclip.json").read_text(encoding="utf-8"))
    (folder / "tagclip.md").write_text(render(report), encoding="utf-8")


if __name__ == "__main__":
    main()
