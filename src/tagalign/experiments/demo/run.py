"""The demo, step by step: world, tags, features, rows, report."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tagalign.atomic import atomic_write
from tagalign.backbones.protocols import BlockBackbone
from tagalign.experiments import protocol
from tagalign.experiments.demo.examples import examples
from tagalign.experiments.demo.page import TABLES, ParsedText, Told, headline, render_demo
from tagalign.experiments.demo.regime import MISLEAD, OBJECT_NAMES, ROWS, TAGS, sentence
from tagalign.experiments.rows import method_of, vocabulary_of
from tagalign.experiments.scoring import RowScores, score
from tagalign.experiments.tag_coverage import coverage
from tagalign.experiments.world import Sizes, Watcher, World, build_world
from tagalign.json_text import json_text
from tagalign.methods.dense.method import DenseMethod
from tagalign.tags.vocabulary import TagVocabulary

NUM_PARSES = 8
MODEL_ROW = TAGS
"""The row whose projector becomes the model folder."""

OnRowStep = Callable[[str, int, int, Mapping[str, float]], None]
"""``on_step(row, step, steps, numbers)``."""


@dataclass(frozen=True, kw_only=True)
class Listeners:
    """Who is told how the demo goes on.

    Attributes:
        say: gets a line for people at every step.
        progress: passes the items of long loops on.
        on_step: is called after every step of training.
    """

    say: Callable[[str], None]
    progress: Watcher
    on_step: OnRowStep | None = None


@dataclass(frozen=True, kw_only=True)
class DemoSetting:
    """Where and how a demo runs.

    Attributes:
        out: folder of the results.
        seed: of the scenes and of the training.
        world: version of the tiny world.
        record: what the page and the numbers keep of the call.
        command: what to try on one's own photo.
    """

    out: Path
    seed: int
    world: int
    record: Mapping[str, Any]
    command: str


def run_demo(backbone: BlockBackbone, sizes: Sizes, setting: DemoSetting, listeners: Listeners) -> str:
    """Run everything, write ``metrics.json``, ``report.html`` and ``model/``; returns the tables as text."""
    say = listeners.say
    say(f"1/4 drawing {sizes.train} scenes, parsing their captions, encoding them with {backbone.name}")
    world = build_world(
        backbone,
        sizes,
        seed=setting.seed,
        version=setting.world,
        mislead=MISLEAD,
        progress=listeners.progress,
    )
    vocabulary = vocabulary_of(world, kinds=("object",), objects=OBJECT_NAMES)
    labels = vocabulary.label(world.parses, kinds=("object",))
    regime = sentence(
        sizes,
        world=setting.world,
        names=len(vocabulary),
        coverage=coverage(labels, len(vocabulary), sizes.batch_size),
    )
    say(f"    {regime}")
    trained = [row.name for row in ROWS if row.losses]
    say(f"2/4 training {len(trained)} heads on the frozen features: {', '.join(trained)}")
    methods = _methods(backbone, world, sizes, vocabulary, setting.out, listeners)
    say(
        f"3/4 scoring {len(methods)} rows on {world.test.count} scenes that no training saw, the frozen one first"
    )
    scores = {}
    for name, method in methods.items():
        scores[name] = score(method, world.test, world.validation, name=name, progress=listeners.progress)
        say(f"    {name}: mIoU of objects {scores[name].segmentation['miou_objects']:.1f}")
    say("4/4 writing the report")
    settings = {
        **setting.record,
        "protocol": protocol.describe() | {"world_version": setting.world, "mislead": MISLEAD},
        "regime": regime,
        "methods": {name: m.describe() for name, m in methods.items()},
    }
    told = Told(regime=regime, settings=settings, command=setting.command)
    _write(setting.out, world, vocabulary, methods, scores, told)
    return "\n".join([*(text_table(scores, task) for task in TABLES), headline(scores)])


def _methods(
    backbone: BlockBackbone,
    world: World,
    sizes: Sizes,
    vocabulary: TagVocabulary,
    out: Path,
    listeners: Listeners,
) -> dict[str, DenseMethod]:
    methods = {}
    for row in ROWS:

        def on_step(step: int, steps: int, numbers: Mapping[str, float], name: str = row.name) -> None:
            if listeners.on_step is not None:
                listeners.on_step(name, step, steps, numbers)

        methods[row.name] = method_of(
            row,
            backbone,
            world,
            sizes,
            out_dir=out / "model" if row.name == MODEL_ROW else None,
            vocabulary=vocabulary if row.kinds else None,
            on_step=on_step,
        )
    return methods


def _write(
    out: Path,
    world: World,
    vocabulary: TagVocabulary,
    methods: Mapping[str, DenseMethod],
    scores: Mapping[str, RowScores],
    told: Told,
) -> None:
    metrics = {
        task: {name: {k: round(v, 4) for k, v in getattr(row, task).items()} for name, row in scores.items()}
        for task in TABLES
    }
    thresholds = {name: row.segmentation["threshold"] for name, row in scores.items()}
    page = render_demo(
        scores,
        examples(world.test.scenes(), methods, thresholds),
        vocabulary,
        [
            ParsedText(caption=caption, objects=parse.objects, attributes=parse.attributes)
            for caption, parse in zip(world.captions[:NUM_PARSES], world.parses, strict=False)
        ],
        told,
    )
    numbers = json_text({**metrics, "settings": told.settings}, indent=2, default=str) + "\n"
    for name, text in {"metrics.json": numbers, "report.html": page}.items():
        with atomic_write(out / name) as path:
            path.write_text(text, encoding="utf-8")


def text_table(scores: Mapping[str, RowScores], task: str) -> str:
    """A table for the terminal, in percent."""
    width = max(map(len, scores))
    columns = TABLES[task]
    lines = [f"{task:<{width}}  " + "  ".join(f"{title:>18}" for _, title in columns)]
    for name, row in scores.items():
        numbers = getattr(row, task)
        lines.append(f"{name:<{width}}  " + "  ".join(f"{numbers[key]:>18.1f}" for key, _ in columns))
    return "\n".join(lines) + "\n"
