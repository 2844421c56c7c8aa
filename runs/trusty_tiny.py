"""The tables of TrustyCLIP's paper on the tiny world: python runs/trusty_tiny.py [--seeds 0 1 2] [--out FOLDER].

Writes docs/results/trusty.json and the tables of docs/results/trusty.md. Finished rows are kept in OUT, so a stopped
run goes on. Settings stand in runs/trusty_rows.py and were fixed before the first test result; the learning rate was
chosen with --choose-rate on validation scenes, by the mIoU of the baseline's seen classes alone.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from trusty_report import render
from trusty_rows import SETTINGS, Bench, Row

from tagalign.backbones.catalog import load_backbone
from tagalign.cli.run_record import git_commit

DOCS = Path(__file__).resolve().parents[1] / "docs" / "results"

BASELINE = Row(token=False, learner="none")
OURS = Row()
PAPER = Row(target="paper")

ABLATION = {
    "(a) baseline: no token, no learner": BASELINE,
    "(b) token, no learner": Row(learner="none"),
    "(c) learner on T, T, T*H": Row(learner="text-product"),
    "(c) learner on [T, H]": Row(learner="concat"),
    "(c) learner on T*H": Row(learner="product"),
    "(c) learner on T^ = [T*H, T]": OURS,
    "learner on T^, no token": Row(token=False),
    "(c) learner on T^, target paper": PAPER,
    "(b) token, no learner, target paper": Row(learner="none", target="paper"),
}
HEAD_ROWS = (
    "(a) baseline: no token, no learner",
    "(c) learner on T^ = [T*H, T]",
    "(c) learner on T^, target paper",
)
GAMMAS = (1.0, 50.0)
RATES = (2e-4, 5e-4, 1e-3, 2e-3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="of the head rows")
    parser.add_argument("--out", type=Path, default=Path("trusty-rows"), help="folder of finished rows")
    parser.add_argument("--steps", type=int, help="fewer for a trial; nothing is written to docs then")
    parser.add_argument(
        "--choose-rate", action="store_true", help="only try learning rates on validation scenes"
    )
    parser.add_argument(
        "--report-only", action="store_true", help="only write the page from docs/results/trusty.json"
    )
    arguments = parser.parse_args()
    torch.set_num_threads(1)  # bit-identical whatever the machine's number of cores
    if arguments.report_only:
        write_page(json.loads((DOCS / "trusty.json").read_text()))
        return
    settings = SETTINGS if arguments.steps is None else {**SETTINGS, "steps": arguments.steps}
    bench = Bench(load_backbone(settings["backbone"]), arguments.out, settings)
    if arguments.choose_rate:
        choose_rate(bench)
        return
    results = all_tables(bench, arguments.seeds)
    if arguments.steps is None:
        DOCS.mkdir(parents=True, exist_ok=True)
        (DOCS / "trusty.json").write_text(json.dumps(results, indent=1) + "\n")
        write_page(results)
    else:
        print(render(results))


def all_tables(bench: Bench, seeds: list[int]) -> dict[str, Any]:
    """Head rows with all seeds, the others with the first."""
    one = seeds[:1]
    inductive_all = {"baseline": replace(BASELINE, classes="all"), "TrustyCLIP": replace(OURS, classes="all")}
    st = {
        "TrustyCLIP + ST, strict": Row(setting="transductive"),
        "TrustyCLIP + ST, paper": Row(setting="transductive", target="paper"),
        "baseline + ST, strict": Row(setting="transductive", token=False, learner="none"),
    }
    st_all = {"TrustyCLIP + ST, all classes": Row(setting="transductive", classes="all")}
    supervised = {
        "baseline": replace(BASELINE, setting="supervised"),
        "TrustyCLIP": replace(OURS, setting="supervised"),
    }
    return {
        "settings": bench.settings,
        "weights": bench.clip.weight_hash,
        "commit": git_commit(),
        "seeds": seeds,
        "ablation": {
            n: [bench.run(r, s) for s in (seeds if n in HEAD_ROWS else one)] for n, r in ABLATION.items()
        },
        "all": {n: [bench.run(r, s) for s in seeds] for n, r in inductive_all.items()},
        "transductive": {
            n: [bench.run(r, s) for s in (seeds if "Trusty" in n else one)] for n, r in st.items()
        },
        "transductive_all": {n: [bench.run(r, s) for s in one] for n, r in st_all.items()},
        "supervised": {n: [bench.run(r, s) for s in one] for n, r in supervised.items()},
        "gamma": {
            target: {
                str(g): bench.run(replace(OURS, target=target, gamma=g), one[0])
                for g in sorted({*GAMMAS, OURS.gamma})
            }
            for target in ("strict", "paper")
        },
        "ignored": {"masked": [bench.run(replace(OURS, ignored="masked"), s) for s in one]},
    }


def choose_rate(bench: Bench) -> None:
    """Baseline on validation scenes: mIoU of the seen classes alone."""
    for rate in RATES:
        trial = Bench(bench.clip, bench.folder, {**bench.settings, "learning_rate": rate})
        model = trial.train(BASELINE, seed=0)
        found = trial.score(model, BASELINE, part="validation")["plain"]
        print(f"learning rate {rate:g}: seen {found['seen']:.1f} (validation)", flush=True)


def write_page(results: dict[str, Any]) -> None:
    """Put the tables between the marks of docs/results/trusty.md, after the text that a person wrote."""
    path = DOCS / "trusty.md"
    start, end = "<!-- tables -->", "<!-- end of tables -->"
    text = path.read_text() if path.exists() else f"# TrustyCLIP on the tiny world\n\n{start}\n{end}\n"
    before, _, rest = text.partition(start)
    path.write_text(f"{before}{start}\n{render(results)}\n{end}{rest.partition(end)[2]}")


if __name__ == "__main__":
    main()
