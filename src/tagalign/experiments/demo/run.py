"""The demo, step by step: world, tags, features, rows, report."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tagalign.atomic import atomic_write
from tagalign.backbones.protocols import BlockBackbone
from tagalign.experiments import protocol
from tagalign.experiments.demo.examples import examples
from tagalign.experiments.demo.page import TABLES, ParsedText, render_demo
from tagalign.experiments.rows import ROWS, OnStep, TableRow, method_of, vocabulary_of
from tagalign.experiments.scoring import RowScores, score
from tagalign.experiments.world import Progress, Sizes, World, build_world, class_labels
from tagalign.json_text import json_text
from tagalign.methods.dense.method import DenseMethod

NUM_PARSES = 8
MODEL_ROW = "tagalign-objects-attributes"
"""The row whose projector becomes the model folder."""


@dataclass(frozen=True, kw_only=True)
class Listeners:
    """Who is told how the demo goes on.

    Attributes:
        say: gets a line for people at every step.
        progress: passes the items of long loops on.
        on_step: is called after every step of training.
    """

    say: Callable[[str], None]
    progress: Progress
    on_step: OnStep | None = None


def run_demo(
    backbone: BlockBackbone,
    sizes: Sizes,
    *,
    out: Path,
    seed: int,
    record: Mapping[str, Any],
    command: str,
    listeners: Listeners,
) -> str:
    """Run everything, write ``metrics.json``, ``report.html`` and ``model/``; returns both tables as text."""
    listeners.say(
        f"1/4 drawing {sizes.train} scenes, parsing their captions, encoding them with {backbone.name}"
    )
    world = build_world(backbone, sizes, seed=seed, progress=listeners.progress)
    listeners.say("2/4 training three projectors on the frozen features")
    methods = _methods(backbone, world, sizes, out, listeners)
    listeners.say(f"3/4 scoring {len(methods)} methods on {world.test.count} scenes that no training saw")
    scores = {
        name: score(method, world.test, world.validation, name=name, progress=listeners.progress)
        for name, method in methods.items()
    }
    listeners.say("4/4 writing the report")
    settings = {
        **record,
        "protocol": protocol.describe(),
        "methods": {name: m.describe() for name, m in methods.items()},
    }
    _write(out, world, methods, scores, settings, command)
    return "\n".join(text_table(scores, task) for task in TABLES)


def _methods(
    backbone: BlockBackbone, world: World, sizes: Sizes, out: Path, listeners: Listeners
) -> dict[str, DenseMethod]:
    methods = {}
    for row in ROWS:
        if row.losses:
            listeners.say(f"    {row.name}: {_trained_on(row)}")
        folder = out / "model" if row.name == MODEL_ROW else None
        methods[row.name] = method_of(row, backbone, world, sizes, out_dir=folder, on_step=listeners.on_step)
    return methods


def _trained_on(row: TableRow) -> str:
    tags = f" on {' and '.join(row.kinds)} tags" if row.kinds else ""
    return f"{', '.join(row.losses)}{tags}"


def _write(
    out: Path,
    world: World,
    methods: Mapping[str, DenseMethod],
    scores: Mapping[str, RowScores],
    settings: Mapping[str, Any],
    command: str,
) -> None:
    metrics = {
        task: {name: {k: round(v, 4) for k, v in getattr(row, task).items()} for name, row in scores.items()}
        for task in TABLES
    }
    page = render_demo(
        scores,
        examples(world.test.scenes(), methods),
        class_labels(protocol.CLASSES).names,
        vocabulary_of(world, kinds=("object", "attribute")),
        [
            ParsedText(caption=caption, objects=parse.objects, attributes=parse.attributes)
            for caption, parse in zip(world.captions[:NUM_PARSES], world.parses, strict=False)
        ],
        settings,
        command,
    )
    numbers = json_text({**metrics, "settings": settings}, indent=2, default=str) + "\n"
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
