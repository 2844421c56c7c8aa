"""The tables of TrustyCLIP's paper on the tiny world: python runs/trusty/run.py [--seeds 0 1 2] [--out FOLDER].

Writes docs/results/trusty.json and the tables of docs/results/trusty.md. Finished rows are kept in OUT, so a stopped
run goes on; --finished-only writes the tables of what is there. Settings stand in runs/trusty/rows.py and were fixed before
the first test result; with --choose-rate the learning rate is chosen on validation scenes, by the mIoU of the baseline's
seen classes alone.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from report import render
from rows import SETTINGS, Bench, Row

from tagalign.atomic import atomic_write
from tagalign.backbones.load import load_backbone
from tagalign.cli.shared.run_record import git_commit

DOCS = Path(__file__).resolve().parents[2] / "docs" / "results"

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
}
HEAD_ROWS = (
    "(a) baseline: no token, no learner",
    "(b) token, no learner",
    "(c) learner on T^ = [T*H, T]",
    "(c) learner on T^, target paper",
)
PROMPTS = 10
PROMPTED_ROWS = tuple(name for name in HEAD_ROWS if not name.startswith("(b)"))
GAMMAS = (1.0, 50.0)
RATES = (1e-3, 3e-3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="of the head rows")
    parser.add_argument("--out", type=Path, default=Path("trusty-rows"), help="folder of finished rows")
    parser.add_argument("--steps", type=int, help="fewer for a trial; nothing is written to docs then")
    parser.add_argument(
        "--choose-rate",
        action="store_true",
        help="take the best of a few learning rates on validation scenes",
    )
    parser.add_argument(
        "--report-only", action="store_true", help="only write the page from docs/results/trusty.json"
    )
    parser.add_argument(
        "--finished-only", action="store_true", help="train nothing, leave out what is missing"
    )
    arguments = parser.parse_args()
    torch.set_num_threads(1)  # bit-identical whatever the machine's number of cores
    if arguments.report_only:
        write_page(json.loads((DOCS / "trusty.json").read_text()))
        return
    settings = SETTINGS if arguments.steps is None else {**SETTINGS, "steps": arguments.steps}
    bench = Bench(
        load_backbone(settings["backbone"]), arguments.out, settings, finished_only=arguments.finished_only
    )
    if arguments.choose_rate:
        bench = replace(bench, settings={**settings, "learning_rate": choose_rate(bench)})
    for seed in arguments.seeds:
        for name in HEAD_ROWS:  # first, so that a stopped run has them
            bench.run(ABLATION[name], seed)
    all_tables(bench, arguments.seeds[:1])  # one of each row before more seeds
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
        "baseline + ST, paper": Row(setting="transductive", target="paper", token=False, learner="none"),
    }
    supervised = {
        "baseline": replace(BASELINE, setting="supervised"),
        "TrustyCLIP": replace(OURS, setting="supervised"),
    }

    def runs(row: Row, wanted: list[int]) -> list[dict[str, Any]]:
        return [run for seed in wanted if (run := bench.run(row, seed)) is not None]

    def table(rows: dict[str, Row], head: tuple[str, ...] = ()) -> dict[str, list[dict[str, Any]]]:
        return {name: runs(row, seeds if name in head else one) for name, row in rows.items()}

    return {
        "settings": bench.settings,
        "weights": bench.clip.weight_hash,
        "commit": git_commit(),
        "seeds": seeds,
        "all": table(inductive_all),
        "supervised": table(supervised),
        "transductive": table(st, tuple(st)),
        "ablation": table(ABLATION, HEAD_ROWS),
        "gamma": {
            target: {
                f"{g:g}": runs(replace(OURS, target=target, gamma=g), one)
                for g in sorted({*GAMMAS, OURS.gamma})
            }
            for target in ("strict", "paper")
        },
        "ignored": {"released": runs(replace(OURS, ignored="released"), one)},
        "dice": {n: dice_runs(bench, r, one) for n, r in {"strict": OURS, "paper": PAPER}.items()},
        "prompted": prompted(bench, seeds),
    }


def dice_runs(bench: Bench, row: Row, seeds: list[int]) -> list[dict[str, Any]]:
    """The trusty loss as printed in Eq. 10; all else of the profile ``paper`` is as in ``fixed``."""
    printed = replace(bench, settings={**bench.settings, "profile": "paper"})
    return [run for seed in seeds if (run := printed.run(row, seed)) is not None]


def prompted(bench: Bench, seeds: list[int]) -> dict[str, list[dict[str, Any]]]:
    """The main rows with the paper's prompts, three times as slow; by seed, so that a stopped run has whole seeds."""
    deep = replace(bench, settings={**bench.settings, "num_prompts": PROMPTS})
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in PROMPTED_ROWS}
    for seed in seeds:
        for name in PROMPTED_ROWS:
            run = deep.run(ABLATION[name], seed)
            found[name] += [] if run is None else [run]
    return found


def choose_rate(bench: Bench) -> float:
    """The best of ``RATES`` for the baseline by the mIoU of seen classes on validation scenes; remembered in OUT."""
    path = bench.folder / "rates.json"
    if not path.exists():
        found = {}
        for rate in RATES:
            trial = replace(bench, settings={**bench.settings, "learning_rate": rate})
            model = trial.train(BASELINE, seed=0)
            found[rate] = trial.score(model, BASELINE, part="validation")["plain"]["seen"]
            print(f"learning rate {rate:g}: seen {found[rate]:.1f} (validation)", flush=True)
        with atomic_write(path) as temp:
            temp.write_text(json.dumps(found))
    values = {float(rate): seen for rate, seen in json.loads(path.read_text()).items()}
    return max(values, key=lambda rate: values[rate])


def write_page(results: dict[str, Any]) -> None:
    """Put the tables between the marks of docs/results/trusty.md, after the text that a person wrote."""
    path = DOCS / "trusty.md"
    start, end = "<!-- tables -->", "<!-- end of tables -->"
    text = path.read_text() if path.exists() else f"# TrustyCLIP on the tiny world\n\n{start}\n{end}\n"
    before, _, rest = text.partition(start)
    path.write_text(f"{before}{start}\n{render(results)}\n{end}{rest.partition(end)[2]}")


if __name__ == "__main__":
    main()
