"""The demo, step by step: world, tags, features, rows, report."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from tagalign.apps.demo import protocol
from tagalign.apps.demo.experiment import OnStep, Sizes, World, build_world, method_of, vocabulary_of
from tagalign.apps.demo.report import TABLES, Example, normalised, render
from tagalign.apps.demo.scenes import Progress, class_labels, picture, truth
from tagalign.apps.demo.scoring import Scores, score
from tagalign.atomic import atomic_write
from tagalign.backbones.protocols import BlockBackbone
from tagalign.data.tiny_world import Scene
from tagalign.methods.dense.method import DenseMethod

NUM_EXAMPLES = 5
NUM_PARSES = 8
MODEL_ROW = "tagalign-objects-attributes"
"""The row whose projector becomes the model folder."""


def run_demo(
    backbone: BlockBackbone,
    sizes: Sizes,
    *,
    out: Path,
    seed: int,
    record: Mapping[str, Any],
    command: str,
    progress: Progress,
    on_step: OnStep | None,
    say: Callable[[str], None],
) -> str:
    """Run everything, write ``metrics.json``, ``report.html`` and ``model/``; returns both tables as text."""
    say(f"1/4 drawing {sizes.train} scenes, parsing their captions, encoding them with {backbone.name}")
    world = build_world(backbone, sizes, seed=seed, progress=progress)
    methods: dict[str, DenseMethod] = {}
    say("2/4 training three projectors on the frozen features")
    for row in protocol.ROWS:
        if row.losses:
            say(
                f"    {row.name}: {', '.join(row.losses)}{' on ' + ' and '.join(row.kinds) + ' tags' if row.kinds else ''}"
            )
        folder = out / "model" if row.name == MODEL_ROW else None
        methods[row.name] = method_of(row, backbone, world, sizes, out_dir=folder, on_step=on_step)
    say(f"3/4 scoring {len(methods)} methods on {len(world.test)} scenes that no training saw")
    scores = {
        name: score(method, world.test, world.validation, name=name, progress=progress)
        for name, method in methods.items()
    }
    say("4/4 writing the report")
    settings = {
        **record,
        "protocol": _protocol(),
        "methods": {name: m.describe() for name, m in methods.items()},
    }
    _write(out, world, methods, scores, settings, command)
    return "\n".join(text_table(scores, task) for task in TABLES)


def _protocol() -> dict[str, Any]:
    return {
        name.lower(): value
        for name, value in vars(protocol).items()
        if isinstance(value, (str, int, float)) and name.isupper()
    }


def _write(
    out: Path,
    world: World,
    methods: Mapping[str, DenseMethod],
    scores: Mapping[str, Scores],
    settings: Mapping[str, Any],
    command: str,
) -> None:
    metrics = {
        task: {name: {k: round(v, 4) for k, v in getattr(row, task).items()} for name, row in scores.items()}
        for task in TABLES
    }
    with atomic_write(out / "metrics.json") as path:
        path.write_text(
            json.dumps({**metrics, "settings": settings}, indent=2, default=str) + "\n", encoding="utf-8"
        )
    page = render(
        scores,
        examples(world.test, methods),
        class_labels(protocol.CLASSES).names,
        vocabulary_of(world, kinds=("object", "attribute")),
        [
            (c, p.objects, p.attributes)
            for c, p in zip(world.captions[:NUM_PARSES], world.parses, strict=False)
        ],
        settings,
        command,
    )
    with atomic_write(out / "report.html") as path:
        path.write_text(page, encoding="utf-8")


@torch.inference_mode()
def examples(
    test: Sequence[Scene], methods: Mapping[str, DenseMethod], count: int = NUM_EXAMPLES
) -> list[Example]:
    """The first crowded scenes with a phrase that names a colour or pattern, seen by every method."""
    chosen = [
        (scene, phrase) for scene in test if len(scene.instances) > 1 and (phrase := _telling_phrase(scene))
    ]
    return [_example(scene, phrase, methods) for scene, phrase in chosen[:count]]


def _telling_phrase(scene: Scene) -> str:
    words = {one.color for one in scene.instances} | {one.pattern for one in scene.instances}
    return next((phrase for phrase, _ in scene.referring if words & set(phrase.split())), "")


def _example(scene: Scene, phrase: str, methods: Mapping[str, DenseMethod]) -> Example:
    image = picture(scene)
    predictions, heats = {}, {}
    for name, method in methods.items():
        encoded = method.encode_images([image])[0]
        predictions[name] = method.segment(
            encoded, method.encode_labels(class_labels(protocol.CLASSES))
        ).labels
        heats[name] = normalised(method.refer(encoded, phrase).heat)
    return Example(
        picture=image,
        truth=truth(scene, protocol.CLASSES),
        predictions=predictions,
        phrase=phrase,
        heats=heats,
    )


def text_table(scores: Mapping[str, Scores], task: str) -> str:
    """A table for the terminal, in percent."""
    width = max(map(len, scores))
    columns = TABLES[task]
    lines = [f"{task:<{width}}  " + "  ".join(f"{title:>18}" for _, title in columns)]
    for name, row in scores.items():
        lines.append(
            f"{name:<{width}}  " + "  ".join(f"{getattr(row, task)[key]:>18.1f}" for key, _ in columns)
        )
    return "\n".join(lines) + "\n"
