"""``tagalign demo``: the whole job on drawn scenes, from captions to a report."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Literal

from tagalign.backbones.packaged import TINY
from tagalign.cli.shared.bars import StepBar, progress
from tagalign.cli.shared.flag_values import check_least
from tagalign.cli.shared.lines import say
from tagalign.cli.shared.model_flags import PHOTO_MODEL
from tagalign.cli.shared.run_record import run_record

EVERY_S = 10.0
"""Between two lines of a training in a pipe: all of it takes minutes."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class DemoSettings:
    """What do tags buy? Parse captions, train on them, score beside the frozen CLIP; drawn scenes, nothing is downloaded.

    Writes metrics.json, report.html and the trained model folder; a few minutes of one core.
    Example: tagalign demo --out demo
    """

    out: Path = Path("demo")
    """Folder for the results."""
    train_scenes: int = 4000
    """Scenes with alt text to train on."""
    test_scenes: int = 200
    """Scenes to score on."""
    steps: int = 100
    """Optimiser steps of each head."""
    seed: int = 0
    """Of the scenes and of the training."""
    model: str = TINY
    """The frozen encoder: tiny, or tiny-plain, whose patches nobody repaired."""
    world: Literal[1, 2] = 2
    """Version of the drawn world: 2 has 1,120 concepts, 1 has 28 kinds that one batch of captions names."""

    def __post_init__(self) -> None:
        check_least(self, {"train_scenes": 128, "test_scenes": 4, "steps": 1, "seed": 0})


def run(settings: DemoSettings) -> int:
    """Run all steps, saying what each does."""
    from tagalign.backbones.catalog import hub_config

    hub_config(settings.model)  # what is not there is said before torch is imported
    say(
        "The demo draws scenes with noisy alt text, turns the captions into tags, trains CLIP's head on them and"
    )
    say("compares with CLIP as it is. No annotation is used for training; masks are used for scoring only.")
    from tagalign.backbones.load import load_backbone
    from tagalign.experiments.demo.regime import sizes_of
    from tagalign.experiments.demo.run import DemoSetting, Listeners, run_demo

    sizes = sizes_of(train=settings.train_scenes, test=settings.test_scenes, steps=settings.steps)
    setting = DemoSetting(
        out=settings.out,
        seed=settings.seed,
        world=settings.world,
        record=run_record(settings),
        command=try_command(settings.out),
    )
    with _Steps() as steps:
        listeners = Listeners(say=say, progress=progress, on_step=steps)
        print(run_demo(load_backbone(settings.model), sizes, setting, listeners))
    say(
        f"Tables, pictures and settings: {settings.out / 'report.html'}; numbers: {settings.out / 'metrics.json'}"
    )
    say("Try it on your own photo:")
    print(try_command(settings.out))
    return 0


def try_command(out: Path) -> str:
    """What to type next."""
    return f'tagalign segment photo.jpg --labels "dog,grass,sky" --model {PHOTO_MODEL} --overlay --out {out / "photo"}'


class _Steps:
    """The same for the steps of each training."""

    def __init__(self) -> None:
        self._bar: StepBar | None = None

    def __enter__(self) -> "_Steps":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # a training that was stopped on its way has left its bar open
        if self._bar is not None:
            self._bar.close()

    def __call__(self, row: str, step: int, steps: int, numbers: Mapping[str, float]) -> None:
        if step == 1 or self._bar is None:
            self._bar = StepBar(f"training on {row}", steps, every_s=EVERY_S)
        self._bar.step(step, steps, numbers)
