"""The folders that ``tagalign train --method tag2text`` ends with: the last weights and the best."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tagalign.cli.shared.output import counted
from tagalign.cli.shared.run_record import run_record
from tagalign.cli.verbs.train.tag2text.settings import Tag2TextTrainSettings

if TYPE_CHECKING:
    from tagalign.data.tag2text.batches import Tag2TextData
    from tagalign.methods.tag2text.method import Tag2TextMethod
    from tagalign.train.tag2text.training import TrainedTag2Text


def write_model(
    settings: Tag2TextTrainSettings,
    method: "Tag2TextMethod",
    sizes: dict[str, Any],
    trained: "TrainedTag2Text",
    held_out: "Tag2TextData | None",
) -> None:
    """The model folder, and the best weights as one of their own in ``best/``; each with its own thresholds."""
    from tagalign.train.tag2text.training import load_best

    _write_folder(settings, settings.out, method, sizes, trained, held_out)
    if load_best(method, settings.out):
        _write_folder(settings, settings.out / "best", method, sizes, trained, held_out)
    numbers = ", ".join(f"{k} {v:.4g}" for k, v in trained.numbers.items() if k != "learning_rate")
    print(f"{settings.out} written after {counted(trained.steps, 'step')} ({numbers})", file=sys.stderr)
    print(f"try it: tagalign caption PHOTO --model {settings.out}", file=sys.stderr)


def _write_folder(
    settings: Tag2TextTrainSettings,
    folder: Path,
    method: "Tag2TextMethod",
    sizes: dict[str, Any],
    trained: "TrainedTag2Text",
    held_out: "Tag2TextData | None",
) -> None:
    from tagalign.methods.tag2text.folder import save_tag2text
    from tagalign.train.tag2text.start import calibrate_thresholds

    if held_out is not None:  # thresholds belong to weights: the best ones have others than the last
        calibrate_thresholds(method, held_out, batch_size=settings.batch_size)
    save_tag2text(
        folder,
        method.model,
        sizes=sizes,
        tags=method.tags.names,
        wordpieces=method.wordpieces,
        preprocessing=method.preprocessing,
        choice=method.choice,
        profile=settings.profile,
        prompt=method.decoding.prompt,
        length=method.decoding.length,
        settings=run_record(settings, numbers=trained.numbers),
    )
