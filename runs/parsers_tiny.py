"""Table 5 of the TagAlign paper in miniature: which parser made the tags that a projector learns from (tiny world, percent).

Rows: a language model (stand-in: the scene's true names, asked for through the stub server of ``tagalign.testing``, so
that the whole path of the LLM parser is used), the distilled parser, part-of-speech rules, and a fixed list (Tag2Text's
way; the names of COCO, COCO-Stuff and ADE20K). Objects and attributes are both learned; features are computed once a seed.
Run: python runs/parsers_tiny.py [--seeds 0 1 2] [--steps 100] [--out docs/results] writes parsers.json and the table in
captions.md; seeds that are there with the same settings are kept.
"""

import argparse
import dataclasses
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from tagalign.backbones.load import load_backbone
from tagalign.backbones.protocols import BlockBackbone
from tagalign.cli.shared.run_record import git_commit
from tagalign.data.tiny_world import Scene
from tagalign.experiments import protocol
from tagalign.experiments.rows import BOTH, TableRow, method_of, spread
from tagalign.experiments.scoring import RowScores, score
from tagalign.experiments.world import Sizes, World, build_world, scenes
from tagalign.tags import load_parser
from tagalign.tags.fixed_list import FixedListParser
from tagalign.tags.label_sets import load_label_set
from tagalign.tags.llm import llm_parser
from tagalign.tags.normalize import normalize_tag
from tagalign.tags.parses import ParsedCaption
from tagalign.tags.visible_text import visible_text
from tagalign.testing.llm_server import StubLLMServer

OUT = Path(__file__).resolve().parents[1] / "docs" / "results"
ROW = TableRow(name="tagalign", losses=BOTH, kinds=("object", "attribute"))
COLORS = "red orange yellow green blue purple pink brown black white gray striped dotted".split()  # noqa: SIM905
COLUMNS = {
    "mIoU all": ("segmentation", "miou"),
    "mIoU objects": ("segmentation", "miou_objects"),
    "referring mIoU": ("referring", "miou"),
}
START, END = "<!-- parsers -->", "<!-- end of parsers -->"
Parses = Sequence[ParsedCaption]
Found = dict[str, list[tuple[RowScores, dict[str, float]]]]


def true_names(train: Sequence[Scene], captions: Sequence[str]) -> Parses:
    """What a language model that saw the scene would answer, through server, prompt, answer reader and all."""
    known = {visible_text(caption): scene for scene, caption in zip(train, captions, strict=True)}

    def tags(caption: str) -> tuple[list[str], list[tuple[str, str]]]:
        scene = known[caption]
        pairs = [(i.name, word) for i in scene.instances for word in (i.color, i.pattern) if word != "plain"]
        return [*(i.name for i in scene.instances), scene.background], pairs

    with StubLLMServer(tags=tags) as server:
        # alt text names some objects, seldom all: without keeping the others this would be a perfect parser of captions
        parser = llm_parser(
            base_url=server.url, model="true names", keep_unsupported=True, captions_per_call=8
        )
        parses = parser.parse(list(captions))
        parser.close()
    return parses


def fixed_list(captions: Sequence[str]) -> Parses:
    """Names of three label sets, and colours."""
    names = {
        word
        for spec in ("coco-object:aliases", "coco-stuff:clean", "ade20k:clean")
        for label in load_label_set(spec).labels
        for word in (label.name, *label.aliases)
    }
    entries = [(name, "object") for name in sorted(names)] + [(color, "attribute") for color in COLORS]
    return FixedListParser(entries).parse(captions)


PARSERS: dict[str, Callable[[Sequence[Scene], Sequence[str]], Parses]] = {
    "language model (true names)": true_names,
    "distilled": lambda train, captions: load_parser("distilled").parse(captions),
    "rules": lambda train, captions: load_parser("rules").parse(captions),
    "fixed list": lambda train, captions: fixed_list(captions),
}


def quality(train: Sequence[Scene], parses: Parses) -> dict[str, float]:
    """Objects per caption, the share of them that is in the scene, and the share of the scene's objects that was named."""
    found = right = wanted = 0
    for scene, parse in zip(train, parses, strict=True):
        names = {normalize_tag(tag) for tag in parse.objects} - {""}
        true = {i.name for i in scene.instances} | {scene.background}
        found, right, wanted = found + len(names), right + len(names & true), wanted + len(true)
    return {
        "objects_per_caption": found / len(train),
        "in_scene": 100 * right / max(found, 1),
        "of_scene": 100 * right / wanted,
    }


def seed_rows(
    world: World, train: Sequence[Scene], backbone: BlockBackbone, sizes: Sizes
) -> dict[str, tuple[RowScores, dict]]:
    """All parsers on the pictures of one seed."""
    found = {}
    for name, parser in PARSERS.items():
        start = time.perf_counter()
        parses = parser(train, world.captions)
        method = method_of(ROW, backbone, dataclasses.replace(world, parses=parses), sizes)
        scores = score(method, world.test, world.validation, name=name)
        found[name] = (scores, quality(train, parses))
        print(
            json.dumps(
                {"seed": world.seed, "row": name, "s": round(time.perf_counter() - start)} | found[name][1]
            ),
            flush=True,
        )
    return found


def markdown(found: Found) -> str:
    """Mean and sample standard deviation over seeds."""
    lines = [
        f"| tags from | objects a caption | of them in the scene | of the scene named | {' | '.join(COLUMNS)} |",
        f"|---|{'--:|' * (3 + len(COLUMNS))}",
    ]
    for name, runs in found.items():
        facts = [
            spread([quality[key] for _, quality in runs])[0]
            for key in ("objects_per_caption", "in_scene", "of_scene")
        ]
        cells = [f"{facts[0]:.2f}", f"{facts[1]:.1f}", f"{facts[2]:.1f}"]
        for task, key in COLUMNS.values():
            mean, deviation = spread([getattr(scores, task)[key] for scores, _ in runs])
            cells.append(f"{mean:.1f} ± {deviation:.1f}")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--train", type=int, default=2000)
    parser.add_argument("--test", type=int, default=150)
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--out", type=Path, default=OUT)
    given = parser.parse_args()
    torch.set_num_threads(1)
    used = time.process_time()
    sizes = Sizes(train=given.train, validation=60, test=given.test, steps=given.steps, batch_size=128)
    backbone = load_backbone(given.model)
    found, used_before = finished(given.out, given.seeds, sizes, backbone.weight_hash)
    used -= used_before
    for seed in given.seeds[len(found["distilled"]) :]:
        world = build_world(backbone, sizes, seed=seed)
        train = scenes(protocol.TRAIN_SPLIT, sizes.train, seed=seed)
        for name, row in seed_rows(world, train, backbone, sizes).items():
            found[name].append(row)
        done = given.seeds[: len(found["distilled"])]
        save(given.out, found, sizes, done, backbone.weight_hash, time.process_time() - used)


def finished(out: Path, seeds: list[int], sizes: Sizes, weights: str) -> tuple[Found, float]:
    """The seeds that an earlier run with the same settings has saved, and its CPU seconds."""
    path = out / "parsers.json"
    saved = json.loads(path.read_text()) if path.exists() else {"settings": {}}
    old = saved["settings"]
    same = old.get("sizes") == dataclasses.asdict(sizes) and old.get("weights") == weights
    if not same or old["seeds"] != seeds[: len(old["seeds"])]:
        return {name: [] for name in PARSERS}, 0.0
    found = {
        name: [
            (RowScores(segmentation=run["segmentation"], referring=run["referring"]), run["tags"])
            for run in runs
        ]
        for name, runs in saved["values"].items()
    }
    return found, old["cpu_seconds"]


def save(out: Path, found: Found, sizes: Sizes, seeds: list[int], weights: str, cpu_s: float) -> None:
    """After every seed, so that a stop costs one."""
    values = {
        name: [dataclasses.asdict(scores) | {"tags": facts} for scores, facts in runs]
        for name, runs in found.items()
    }
    settings = {
        "seeds": seeds, "sizes": dataclasses.asdict(sizes), "profile": protocol.PROFILE, "weights": weights,
        "commit": git_commit(), "torch": torch.__version__, "cpu_seconds": round(cpu_s),
    }  # fmt: skip
    out.mkdir(parents=True, exist_ok=True)
    (out / "parsers.json").write_text(json.dumps({"settings": settings, "values": values}, indent=1) + "\n")
    page = out / "captions.md"
    if page.exists():
        head, _, rest = page.read_text().partition(START)
        page.write_text(f"{head}{START}\n{markdown(found)}{END}{rest.partition(END)[2]}")
    print(markdown(found), flush=True)


if __name__ == "__main__":
    main()
