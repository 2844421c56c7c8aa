"""The tables and curves of TagCLIP's paper, and ours, on the tiny world: tagclip.json, tagclip.md and a page of steps.

All settings stand in ``SETTINGS``, fixed before the first result was seen. Directions are checked by the script itself and
printed as they come out.
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench import Bench
from curves import curves
from gating import table_gating
from own_tables import table_groups, table_profiles, table_thresholds
from paper_tables import table_1, table_2, table_3, table_4, table_s1
from report import render
from scenes import Scenes
from scores import Row
from settings import SETTINGS
from steps import step_page

from tagalign.backbones.load import load_backbone

TABLES: dict[str, tuple[str, Callable[[Bench, Scenes], dict[str, Row]], int]] = {
    "table1": ("Table 1: last self-attention", table_1, 3),
    "table2": ("Table 2: tagging (mAP)", table_2, 3),
    "table4": ("Table 4: what each step adds", table_4, 3),
    "profiles": ("Profiles", table_profiles, 3),
    "tableS1": ("Table S1: background words", table_s1, 3),
    "groups": ("Groups: 28 kinds and their 4 families in one list", table_groups, 3),
    "thresholds": ("Thresholds", table_thresholds, 3),
    "table3": ("Table 3: segmentation, objects and background", table_3, 3),
    "gating": ("Gating: mIoU of all classes", table_gating, 1),
}
"""Title, function and number of seeds; what refines by colour takes longest and comes last."""


PART_SIZES = {"gating": "gating_scenes", "curves": "curve_scenes"}
"""Parts whose number of scenes has a setting of its own."""


def run_tables(
    bench: Bench, names: Sequence[str], scenes: list[Scenes], report: dict[str, Any], save: Callable[[], None]
) -> None:
    """Fill in what the report lacks, saving after every table: a run that stopped goes on with the next one."""
    for name in names:
        title, function, seeds = TABLES[name]
        if name in report["tables"]:
            continue
        start = time.process_time()
        by_seed = [function(bench, s) for s in scenes[:seeds]]
        seconds = round(time.process_time() - start)
        report["tables"][name] = {
            "title": title,
            "seeds": len(by_seed),
            "rows": by_seed,
            "cpu_seconds": seconds,
        }
        save()
        print(f"{name}: {seconds} s of processor time", flush=True)


def open_report(path: Path, head: dict[str, Any]) -> dict[str, Any]:
    """The report of an earlier start with the same settings and weights, else a new one."""
    head = json.loads(json.dumps(head))
    if path.exists():
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        # how many scenes a part takes matters only once that part is there
        free = {key for part, key in PART_SIZES.items() if part not in found["tables"] and part not in found}
        if all(_without(found.get(key), free) == _without(value, free) for key, value in head.items()):
            return {**found, **head}
    return {**head, "tables": {}}


def _without(values: Any, keys: set[str]) -> Any:
    return {k: v for k, v in values.items() if k not in keys} if isinstance(values, dict) else values


def main() -> None:
    """Run the tables and write the files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/results"))
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--tables", nargs="*", default=[*TABLES, "curves"])
    parser.add_argument("--scenes", type=int, default=SETTINGS["scenes"])
    parser.add_argument("--seeds", type=int, default=len(SETTINGS["seeds"]))
    settings = parser.parse_args()
    settings.out.mkdir(parents=True, exist_ok=True)
    bench = Bench(load_backbone(settings.model))
    seeds = SETTINGS["seeds"][: settings.seeds]
    scenes = [Scenes(seed, settings.scenes) for seed in seeds]
    path = settings.out / "tagclip.json"
    head = {
        "settings": SETTINGS | {"scenes": settings.scenes, "seeds": seeds},
        "model": {"name": bench.clip.name, "weight_hash": bench.clip.weight_hash},
        "tagger": bench.tagger().describe(),
    }
    report = open_report(path, head)

    def save() -> None:
        path.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
        (settings.out / "tagclip.md").write_text(render(report), encoding="utf-8")

    (settings.out / "tagclip_steps.md").write_text(
        step_page(bench, scenes[0], settings.out), encoding="utf-8"
    )
    run_tables(bench, [n for n in settings.tables if n in TABLES], scenes, report, save)
    if "curves" in settings.tables and "curves" not in report:
        start = time.process_time()
        report["curves"] = curves(bench, scenes[0].first(SETTINGS["curve_scenes"]))
        save()
        print(f"curves: {time.process_time() - start:.0f} s of processor time", flush=True)


if __name__ == "__main__":
    main()
