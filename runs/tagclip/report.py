"""Turn docs/results/tagclip.json into tagclip.md: means and intervals over seeds, and whether directions hold."""

import json
import sys
from pathlib import Path
from typing import Any

from directions import DIRECTIONS, found, reason

from tagalign.experiments.head.report import shown

PAPER: dict[str, str] = {
    "table1": "VOC12, ViT-B/16, as published: kept 82.7 mAP / 16.2 mIoU, skipped 85.4 / 41.6. Coarse scores.",
    "table2": "VOC07 as published: CLIP without softmax 79.5, CLIP 85.8, CLIP-Surgery 85.4, TagCLIP 92.8.",
    "table4": "VOC12 as published (mAP / mIoU): coarse 85.4 / 30.9, +CWR 88.0 / 55.2, +DMAR 93.9 / 63.7, both 94.1 / "
    "64.8. `f1` and `mIoU objects` take the tags of the relative threshold, the columns named calibrated those of "
    "thresholds measured for the row's own scores on scenes kept aside. The last three rows have the published layers "
    "(the last four but the last) and crops enlarged to the model's input.",
    "table3": "VOC12 as published: MaskCLIP 42.1, CLIP-Surgery 41.5, CLS-SEG 64.8, with CRF 68.7.",
    "table3crf": "VOC12 as published: CLS-SEG 64.8, with CRF 68.7.",
    "tableS1": "VOC07 as published: off 92.4, on 92.8.",
    "thresholds": "Not in the paper.",
    "groups": "Not in the paper, which names inclusion (cat and animal) as its limitation.",
    "profiles": "Not in the paper. `released` repeats the released code with its defects, `fixed` mends them, "
    "`paper` follows the text.",
    "gating": "Not in the paper. Tags of TagCLIP (objects and backgrounds in groups of their own) prune or weigh the "
    "34 labels.",
}
Seeds = list[dict[str, dict[str, float]]]


def table(by_seed: Seeds) -> list[str]:
    metrics = list(next(iter(by_seed[0].values())))
    lines = ["| | " + " | ".join(metrics) + " |", "|---|" + "--:|" * len(metrics)]
    for row in by_seed[0]:
        cells = [shown([seed[row][metric] for seed in by_seed]) for metric in metrics]
        lines.append(f"| {row} | {' | '.join(cells)} |")
    return lines


def section(name: str, encoders: dict[str, Any]) -> list[str]:
    measured = {encoder: values["tables"] for encoder, values in encoders.items() if name in values["tables"]}
    lines = [f"## {next(iter(measured.values()))[name]['title']}", "", PAPER[name], ""]
    for encoder, tables in measured.items():
        lines += [f"`{encoder}`, {seeds_of(tables[name]['rows'])}:", "", *table(tables[name]["rows"]), ""]
    for direction in DIRECTIONS:
        if direction.table == name:
            lines.append(f"- {direction.says}: {verdicts(direction, measured)}")
    return [*lines, ""]


def seeds_of(rows: Seeds) -> str:
    """How many sets of test scenes."""
    return "one seed" if len(rows) == 1 else f"{len(rows)} seeds"


def verdicts(direction: Any, measured: dict[str, Any]) -> str:
    """Of each encoder, with the gain."""
    words = []
    for encoder, tables in measured.items():
        holds, _, gain = found(direction, tables) or (False, "", "")
        why = "" if holds else f": {reason(direction, encoder, tables)}"
        words.append(f"**{'holds' if holds else 'fails'}** (`{encoder}`, {gain}{why})")
    return ", ".join(words)


def curve_section(encoders: dict[str, Any]) -> list[str]:
    measured = {
        e: values["tables"]["curves"]["rows"]
        for e, values in encoders.items()
        if "curves" in values["tables"]
    }
    if not measured:
        return []
    lines = ["## Curves", "", "All else as chosen.", ""]
    for title in next(iter(measured.values()))[0]:
        lines += [f"### {title}", ""]
        for encoder, by_seed in measured.items():
            lines += [f"`{encoder}`, {seeds_of(by_seed)}:", "", *table([seed[title] for seed in by_seed]), ""]
    return lines


def head(report: dict[str, Any]) -> list[str]:
    settings = report["settings"]
    kept = settings["choice"]
    lines = [
        "# TagCLIP, CLS-SEG and gating on drawn scenes",
        "",
        "Written by `runs/tagclip/run.sh`; nothing here was measured on photos, and no published number is claimed.",
        "",
        f"- {settings['scenes']} crowded test scenes of {settings['world']['size']} pixels per seed, "
        "as many seeds as each table says; mean ± half of the 95 % interval over seeds. A direction holds only if the "
        "interval of the gain, paired by seed, leaves zero out. Six seeds where three left intervals about zero: for all "
        "rows of a table, whatever they said",
        f"- profile `{settings['profile']}`, dense methods `{settings['dense_profile']}`; threshold "
        f"`{settings['threshold']}` unless a row says calibrated; prompt `{settings['templates'][0]}`; second looks "
        f"keep the scale of the scene; affinity of {settings['affinity']}",
        f"- labels: {settings['labels']}; mIoU objects: {settings['miou_objects']}; mIoU: {settings['miou']}",
        f"- chosen on {len(kept['seeds']) * kept['scenes']} other scenes (split `{kept['split']}`): layers, boxes of the "
        "maps, power of the background, thresholds",
    ]
    for name, values in report["encoders"].items():
        choice = values["choice"]
        layers = choice["refine_layers"]
        lines.append(
            f"- `{name}`, weights `{values['weights']}`: refinement by layers {layers[0]} to {layers[-1]} (counted from 0), "
            f"box share {choice['box_share']:g}, power {choice['background_power']:g}"
        )
    missing = [
        name
        for name in (*PAPER, "curves")
        if not any(name in e["tables"] for e in report["encoders"].values())
    ]
    if missing:
        lines.append(f"- not measured: {', '.join(missing)}")
    return [*lines, "- one scene step by step: [tagclip_steps.md](tagclip_steps.md)", ""]


def render(report: dict[str, Any]) -> str:
    encoders, lines = report["encoders"], head(report)
    for name in PAPER:
        if any(name in values["tables"] for values in encoders.values()):
            lines += section(name, encoders)
    return "\n".join([*lines, *curve_section(encoders)]).rstrip() + "\n"


def main() -> None:
    """Read the JSON beside which the page is written."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path("docs/results")
    report = json.loads((folder / "tagclip.json").read_text(encoding="utf-8"))
    (folder / "tagclip.md").write_text(render(report), encoding="utf-8")


if __name__ == "__main__":
    main()
