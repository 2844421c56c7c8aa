"""``tagalign demo``: the whole job on drawn scenes, from captions to a report."""

import dataclasses
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tagalign.backbones.packaged import TINY
from tagalign.cli.shared.bars import progress
from tagalign.cli.shared.model_flags import PHOTO_MODEL
from tagalign.cli.shared.run_record import run_record
from tagalign.errors import InputError


@dataclasses.dataclass(frozen=True, kw_only=True)
class DemoSettings:
    """Parse captions, train three projectors, score six methods and write a report; drawn scenes, nothing is downloaded.

    Writes metrics.json, report.html and the trained model folder.
    Example: tagalign demo --out demo
    """

    out: Path = Path("demo")
    """Folder for the results."""
    train_scenes: int = 2000
    """Scenes with alt text to train on."""
    test_scenes: int = 250
    """Scenes to score on."""
    steps: int = 120
    """Optimiser steps of each projector."""
    seed: int = 0
    """Of the scenes and of the training."""
    model: str = TINY
    """The frozen encoder."""

    def __post_init__(self) -> None:
        for name, least in {"train_scenes": 128, "test_scenes": 4, "steps": 1}.items():
            if getattr(self, name) < least:
                raise InputError(
                    f"--{name.replace('_', '-')} must be at least {least}, got {getattr(self, name)}"
                )


def run(settings: DemoSettings) -> int:
    """Run all steps, saying what each does."""
    say(
        "The demo draws scenes with noisy alt text, turns the captions into tags, trains projectors on a frozen CLIP"
    )
    say(
        "and compares them with CLIP as it is. No annotation is used for training; masks are used for scoring only."
    )
    from tagalign.backbones.load import load_backbone
    from tagalign.experiments.demo.run import Listeners, run_demo
    from tagalign.experiments.world import Sizes

    sizes = Sizes(train=settings.train_scenes, test=settings.test_scenes, steps=settings.steps)
    record = run_record(settings)
    with _one_line_progress() as on_step:
        tables = run_demo(
            load_backbone(settings.model),
            sizes,
            out=settings.out,
            seed=settings.seed,
            record=record,
            command=try_command(settings.out),
            listeners=Listeners(say=say, progress=progress, on_step=on_step),
        )
    print(tables)
    say(
        f"Tables, pictures and settings: {settings.out / 'report.html'}; numbers: {settings.out / 'metrics.json'}"
    )
    say("Try it on your own photo:")
    print(try_command(settings.out))
    return 0


def try_command(out: Path) -> str:
    """What to type next."""
    return f'tagalign segment photo.jpg --labels "dog,grass,sky" --model {PHOTO_MODEL} --overlay --out {out / "photo"}'


def say(text: str) -> None:
    """A line for people, on standard error."""
    print(text, file=sys.stderr, flush=True)


@contextmanager
def _one_line_progress() -> Iterator[Any]:
    """A bar for each training on a terminal; silent in a pipe."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("training"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[loss]}"),
        TimeRemainingColumn(),
    )
    bar = Progress(*columns, console=Console(stderr=True), transient=True)
    task = bar.add_task("training", total=None, loss="")
    shown = 0.0

    def on_step(step: int, steps: int, numbers: Any) -> None:
        nonlocal shown
        if step == 1:
            bar.reset(task, total=steps)
            bar.start()
        if time.monotonic() - shown > REFRESH_S or step == steps:
            shown = time.monotonic()
            bar.update(
                task,
                completed=step,
                total=steps,
                loss=f"loss {numbers['loss']:.2f}" if "loss" in numbers else "",
            )
        if step == steps:
            bar.stop()

    try:
        yield on_step
    finally:
        bar.stop()


REFRESH_S = 0.2
