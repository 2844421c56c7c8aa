"""The tables and curves of TagCLIP's paper, and ours, on the tiny world: tagclip.json, tagclip.md and a page of steps.

python runs/tagclip/run.py [--model tiny tiny-plain] [--tables table1 table4]

``SETTINGS`` was fixed before the first result was seen; layers, boxes and thresholds are chosen on scenes kept aside. A run
that stopped goes on with the first table that is missing. Directions are checked by the script and printed as they come out.
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from bench import Bench
from choice import Choice, choose, validation
from curves import curves
from directions import claims
from gating import table_gating
from own_tables import table_groups, table_profiles, table_thresholds
from paper_tables import table_1, table_2, table_3, table_3_crf, table_4, table_s1
from report import render
from scenes import Scenes
from settings import SETTINGS
from steps import step_page

from tagalign.atomic import atomic_write
from tagalign.backbones.load import load_backbone
from tagalign.cli.shared.run_record import git_commit
from tagalign.json_text import json_text

TABLES: dict[str, tuple[str, Callable[[Bench, Scenes], dict[str, Any]]]] = {
    "table1": ("Table 1: last self-attention", table_1),
    "table4": ("Table 4: what each step adds", table_4),
    "table2": ("Table 2: tagging (mAP)", table_2),
    "table3": ("Table 3: segmentation, objects and background", table_3),
    "thresholds": ("Thresholds", table_thresholds),
    "tableS1": ("Table S1: background words", table_s1),
    "groups": ("Groups: 28 kinds and their 4 families in one list", table_groups),
    "profiles": ("Profiles", table_profiles),
    "table3crf": ("Table 3 with a CRF", table_3_crf),
    "gating": ("Gating: mIoU of all classes", table_gating),
    "curves": ("Curves", curves),
}
"""Title and function, what matters most first."""


def main() -> None:
    """Run the tables and write the files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[2] / "docs" / "results")
    parser.add_argument("--model", nargs="+", default=["tiny", "tiny-plain"])
    parser.add_argument("--tables", nargs="*", choices=[*TABLES], default=[*TABLES])
    parser.add_argument(
        "--seeds", type=int, default=3, help="sets of test scenes; more than before are added"
    )
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    scenes = [Scenes(seed, SETTINGS["scenes"]) for seed in range(arguments.seeds)]
    report = open_report(arguments.out / "tagclip.json")
    benches = [open_bench(name, report, arguments.out) for name in arguments.model]
    (arguments.out / "tagclip_steps.md").write_text(step_page(benches[0], scenes[0], arguments.out))
    for table in arguments.tables:
        for bench in benches:
            measure(bench, table, scenes, report, arguments.out)
    write(report, arguments.out)


def open_report(path: Path) -> dict[str, Any]:
    """The report of an earlier start with the same settings, else a new one."""
    head = json.loads(json.dumps({"settings": SETTINGS}))
    if path.exists():
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if found.get("settings") == head["settings"]:
            return found
    return {**head, "encoders": {}}


def open_bench(name: str, report: dict[str, Any], out: Path) -> Bench:
    """An encoder with what was chosen for it, now or in an earlier start with the same weights."""
    bench = Bench(load_backbone(name), validation())
    found = report["encoders"].get(name)
    if found is None or found["weights"] != bench.clip.weight_hash:
        choice = choose(bench)
        report["encoders"][name] = {
            "weights": bench.clip.weight_hash,
            "choice": choice.as_dict(),
            "tables": {},
        }
        write(report, out)
    choice = Choice.of(report["encoders"][name]["choice"])
    bench.use(
        refine_layers=choice.refine_layers,
        box_share=choice.box_share,
        background_power=choice.background_power,
    )
    report["encoders"][name]["tagger"] = bench.tagger().describe()
    return bench


def measure(bench: Bench, table: str, scenes: Sequence[Scenes], report: dict[str, Any], out: Path) -> None:
    """Fill in what the report lacks of one table of one encoder."""
    title, function = TABLES[table]
    found = report["encoders"][bench.clip.name]["tables"].setdefault(
        table, {"title": title, "rows": [], "cpu_seconds": 0}
    )
    if len(found["rows"]) >= len(scenes):
        return
    start = time.process_time()
    found["rows"] += [function(bench, part) for part in scenes[len(found["rows"]) :]]
    seconds = round(time.process_time() - start)
    found["cpu_seconds"] += seconds
    write(report, out)
    print(f"{bench.clip.name}, {table}: {seconds} s of processor time", flush=True)


def write(report: dict[str, Any], out: Path) -> None:
    """The JSON with what it says of the paper's directions, and the page."""
    report["commit"] = git_commit()
    report["claims"] = claims(report)
    for name, text in (
        ("tagclip.json", json_text(report, indent=1) + "\n"),
        ("tagclip.md", render(report)),
    ):
        with atomic_write(out / name) as path:
            path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
