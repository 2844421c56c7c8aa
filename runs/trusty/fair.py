"""TrustyCLIP's parts as a fair test: python runs/trusty/fair.py [--steps 3000] [--model tiny-plain] [--rows N].

The frozen encoder first, on the same scenes; every training scene is new; rate and dropout are chosen for each start of the
head with seen classes in the place of unseen ones; three seeds. Finished rows are kept in OUT, so a stopped run goes on.
Writes docs/results/trusty-fair.json and docs/results/trusty-fair.md; of another encoder than tiny trusty-fair-NAME, of other
steps than 200 trusty-fair-STEPS.
A step takes 50 ms of one quiet core (a third more with prompts), a scene 15 ms to draw and encode once per seed: twenty
minutes for everything at 200 steps, two hours at 3,000, whose scenes take 3 GB of memory.
"""

import argparse
import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from directions import COSINE, LONG, SHORT, claims
from fair_page import render
from look import measure
from rows import SETTINGS, Bench, Row, replace_options, split_of, start_network
from shift import shifted_scores

from tagalign.atomic import atomic_write
from tagalign.backbones.load import load_backbone
from tagalign.cli.shared.run_record import git_commit
from tagalign.data.tiny_world import OBJECTS, UNSEEN
from tagalign.json_text import json_text
from tagalign.methods.trusty.method import TrustyClip
from tagalign.methods.trusty.options import TrustyOptions
from tagalign.methods.trusty.profiles import trusty_profile

DOCS = Path(__file__).resolve().parents[2] / "docs" / "results"
BATCH = 8


def fair_settings(steps: int, model: str) -> dict[str, Any]:
    """Fixed before the first result: as the first recipe, but no scene is seen twice."""
    scenes = {"split": "train", "scenes": steps * BATCH, "crowded": 1.0}
    return {**SETTINGS, "train": scenes, "steps": steps, "batch_size": BATCH, "flip": 0.0, "backbone": model}


SEEDS = (0, 1, 2)
PSEUDO_UNSEEN = tuple(name for name in OBJECTS if name not in UNSEEN)[2::4][:5]
"""Seen classes that play the unseen ones while rate and dropout are chosen, on validation scenes, with seed 0."""

RATES, DROPOUT, PROMPTS = (1e-3, 3e-3), 0.1, 10
TABLE_1 = {
    "H, H, T": "image,image,text",
    "T, H, H": "text,patches,patches",
    "T, H, T": "text,image,text",
    "T, T, H": "text,text,image",
    "T, T, T*H": "text,text,product",
    "[T, H]": "concat",
    "T*H, H, H": "product,patches,patches",
    "T*H, T, T": "product,text,text",
    "T*H, T, T*H": "product,text,product",
    "T*H, T*H, H": "product,product,image",
    "T*H, T*H, T": "product,product,text",
    "T*H": "product",
}
"""H is the patches, or the class token where it stands beside values or keys of another number."""


def rows(best: dict[str, dict[str, float]]) -> dict[str, tuple[Row, tuple[int, ...]]]:
    """Name to row and its seeds, what matters most first; of the heads that something was chosen for."""
    base = Row(token=False, learner="none")
    found: dict[str, tuple[Row, tuple[int, ...]]] = {}
    for head, words, seeds in (("cosine", COSINE, SEEDS), ("random", "", SEEDS[:1])):
        if head in best:
            start: dict[str, Any] = {"head": head, **best[head]}
            found |= {
                f"(a) baseline{words}": (replace(base, **start), seeds),
                f"(c) learner on T^{words}": (Row(**start), seeds),
                f"(b) token, no learner{words}": (Row(learner="none", **start), seeds),
            }
    if "cosine" in best:
        start = {"head": "cosine", **best["cosine"]}
        found[f"(c) learner on T^, target paper{COSINE}"] = (Row(target="paper", **start), SEEDS)
        found[f"Fig. 4: joined after the attention{COSINE}"] = (Row(learner="concat-after", **start), SEEDS)
        for name, learner in TABLE_1.items():
            found[f"(c) learner on {name}{COSINE}"] = (Row(learner=learner, **start), SEEDS)
        deep = {**start, "num_prompts": PROMPTS}
        found[f"(a) baseline, {PROMPTS} prompts{COSINE}"] = (replace(base, **deep), SEEDS)
        found[f"(c) learner on T^, {PROMPTS} prompts{COSINE}"] = (Row(**deep), SEEDS)
    return found


SHIFTS = (0.0, 1.0, 2.0, 3.0, 4.0)


def has_map(row: Row) -> bool:
    """Whether the trusty map of a row is looked at: both targets of the main row."""
    return row.token and row.learner == "relation" and row.head == "cosine" and row.num_prompts is None


def map_of(bench: Bench, row: Row, model: TrustyClip) -> dict[str, Any]:
    """What the trusty map says on validation scenes, and what Eq. 12 brings where its logits are raised: why it fails."""
    told = measure(bench, replace_options(model, weighting="both"))
    shifts = {
        f"{shift:g}": {
            way: {key: scores[way][key] for key in ("seen", "unseen", "hiou")}
            for way in ("plain", "weighted")
        }
        for shift in SHIFTS
        for scores in (shifted_scores(bench, model, row, shift),)
    }
    return {"map": {**told, "shifts": shifts}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--out", type=Path, default=Path("trusty-fair"), help="folder of finished rows")
    parser.add_argument("--docs", type=Path, default=DOCS)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--heads", nargs="+", choices=("cosine", "random"), default=["cosine", "random"])
    parser.add_argument("--rows", type=int, help="the first so many rows alone")
    parser.add_argument(
        "--finished-only", action="store_true", help="train nothing, leave out what is missing"
    )
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    bench = Bench(
        load_backbone(arguments.model),
        arguments.out,
        fair_settings(arguments.steps, arguments.model),
        finished_only=arguments.finished_only,
    )
    tried = choose(bench, arguments.heads)
    best = {head: best_of(found) for head, found in tried.items()}
    for head in {"cosine"} & set(
        best
    ):  # beside the choice: slower, because nothing that the frozen encoder says is kept
        tried[head].append(tried_out(bench, head, {**best[head], "num_prompts": PROMPTS}))
    frozen = {"plain": frozen_scores(bench), "weighted": None}
    wanted = dict(list(rows(best).items())[: arguments.rows])
    head = {"tried": tried, "chosen": best, "frozen": frozen}
    # rows of all seeds first, and seed by seed, because scenes of a seed are drawn once
    order = [(len(seeds) == 1, seed, row) for row, seeds in wanted.values() for seed in seeds]
    for _, seed, row in sorted(order, key=lambda one: one[:2]):
        bench.run(row, seed, partial(map_of, bench, row) if seed == 0 and has_map(row) else None)
        write(bench, head, wanted, arguments.docs)
    write(bench, head, wanted, arguments.docs)


def write(
    bench: Bench, head: dict[str, Any], wanted: dict[str, tuple[Row, tuple[int, ...]]], docs: Path
) -> None:
    """JSON and page of what is finished."""
    runs = {
        name: [run for seed in seeds if (run := reread(bench, row, seed)) is not None]
        for name, (row, seeds) in wanted.items()
    }
    report = {
        "settings": bench.settings,
        "weights": bench.clip.weight_hash,
        "commit": git_commit(),
        "pseudo_unseen": PSEUDO_UNSEEN,
        **head,
        "rows": {name: found for name, found in runs.items() if found},
    }
    name = page_name(bench.clip.name, bench.settings["steps"])
    report["claims"] = claims({**report, "later": later_claims(bench, docs)}, f"{name}.md")
    for suffix, text in ((".json", json_text(report, indent=1) + "\n"), (".md", render(report))):
        with atomic_write(docs / f"{name}{suffix}") as path:
            path.write_text(text, encoding="utf-8")


def later_claims(bench: Bench, docs: Path) -> dict[str, Any]:
    """What the same encoder's longer trainings say, by direction; nothing before they are there."""
    path = docs / f"{page_name(bench.clip.name, LONG)}.json"
    if bench.settings["steps"] >= LONG or not path.exists():
        return {}
    told: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["claims"]
    return {one["direction"].removesuffix(f", after {LONG} steps"): one for one in told}


def page_name(encoder: str, steps: int) -> str:
    """Of the files in docs/results: another encoder than tiny and longer trainings than those of every row are named."""
    of_encoder = "" if encoder == "tiny" else f"-{encoder}"
    return f"trusty-fair{of_encoder}{'' if steps == SHORT else f'-{steps}'}"


def reread(bench: Bench, row: Row, seed: int) -> dict[str, Any] | None:
    """A finished row."""
    return replace(bench, finished_only=True).run(row, seed)


def choose(bench: Bench, heads: list[str]) -> dict[str, list[dict[str, Any]]]:
    """Of each start of the head: the rates without dropout, then dropout at the best of them.

    What counts is the harmonic mean over seen and pseudo-unseen classes.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    for head in heads:
        tried = [tried_out(bench, head, {"learning_rate": rate, "dropout": 0.0}) for rate in RATES]
        found[head] = [*tried, tried_out(bench, head, {**best_of(tried), "dropout": DROPOUT})]
    return found


def best_of(tried: list[dict[str, Any]]) -> dict[str, Any]:
    """The values with the highest harmonic mean."""
    values: dict[str, Any] = max(tried, key=lambda one: one["hiou"])["values"]
    return values


def tried_out(bench: Bench, head: str, values: dict[str, Any]) -> dict[str, Any]:
    """One training of the baseline."""
    row = Row(token=False, learner="none", head=head, hidden_names=PSEUDO_UNSEEN, **values)
    return {"values": values, **validated(bench, row)}


def validated(bench: Bench, row: Row) -> dict[str, float]:
    """Seen, pseudo-unseen and harmonic mean on validation scenes, kept in OUT."""
    name = f"choice-{bench.settings['steps']}-{row.head}-{row.learning_rate:g}-{row.dropout:g}"
    name += "" if row.num_prompts is None else f"-{row.num_prompts}-prompts"
    name += "" if bench.clip.name == "tiny" else f"-{bench.clip.name}"
    path = bench.folder / f"{name}.json"
    if not path.exists():
        model = bench.train(row, SEEDS[0])
        plain = bench.score(model, row, "validation")["plain"]
        bench.folder.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as temp:
            temp.write_text(json.dumps({key: plain[key] for key in ("seen", "unseen", "hiou")}))
        print(path.stem, path.read_text(), flush=True)
    values: dict[str, float] = json.loads(path.read_text())
    return values


def frozen_scores(bench: Bench) -> dict[str, Any]:
    """The encoder's own cosine on the test scenes: a head that starts there and was never trained."""
    row = Row(token=False, learner="none", head="cosine")
    plan, data = bench.plan(row, 0), bench.data("test", row.classes)
    model = TrustyClip(
        bench.clip,
        start_network(bench.clip, plan, row.head),
        TrustyOptions(short_side=bench.settings["short_side"]),
        profile=trusty_profile("fixed"),
        trained=split_of(data).names_of(split_of(data).seen),
        trained_with={"setting": "inductive", "trusty_target": "none"},
    )
    plain: dict[str, Any] = bench.score_on(model, data)["plain"]
    return plain


if __name__ == "__main__":
    main()
