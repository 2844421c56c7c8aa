"""Training of TrustyCLIP: prompts and head on a frozen CLIP, from images with masks, in the settings of the paper."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tagalign.backbones.protocols import BlockBackbone
from tagalign.data.trusty.sources import ClassSplit, SegmentationSource
from tagalign.errors import InputError
from tagalign.methods.trusty.folder import save_trusty
from tagalign.methods.trusty.method import TrustyCLIP
from tagalign.methods.trusty.network import TrustyNetwork
from tagalign.train.loop.guards import StopRequest
from tagalign.train.loop.log import MetricsLog
from tagalign.train.trusty.plan import TrustyPlan
from tagalign.train.trusty.run import TrustyRun

Validate = Callable[[TrustyCLIP], dict[str, float]]
OnStep = Callable[[int, dict[str, float]], None]


@dataclass(frozen=True, kw_only=True)
class RunFolder:
    """Where a run writes, and how often.

    Attributes:
        path: the model folder; checkpoints lie below it. None writes nothing.
        save_every: steps between checkpoints.
        log_every: steps between lines of ``metrics.jsonl``.
        validate_every: steps between validations; 0 for none.
        tensorboard: also log there.
    """

    path: Path | None = None
    save_every: int = 1000
    log_every: int = 50
    validate_every: int = 0
    tensorboard: bool = False


def train_trusty(
    clip: BlockBackbone,
    source: SegmentationSource,
    split: ClassSplit,
    plan: TrustyPlan,
    *,
    folder: RunFolder = RunFolder(),
    start: TrustyNetwork | None = None,
    resume: bool = False,
    workers: int = 0,
    validate: Validate | None = None,
    on_step: OnStep | None = None,
    stop: StopRequest | None = None,
    settings: dict[str, Any] | None = None,
) -> TrustyCLIP:
    """Train, and write a model folder that ``tagalign.load`` opens.

    On a CPU a run depends on its arguments alone, bit by bit, however often it was stopped and resumed and by however many
    workers its images were read.

    Args:
        clip: the frozen encoder; its device is the device of the run.
        source: images with label maps.
        split: the classes and which of them hide their masks.
        plan: everything that decides the numbers.
        folder: where to write.
        start: trained before, to go on from; of the sizes of the plan.
        resume: go on from the last checkpoint in the folder.
        workers: processes that read and crop images; 0 does it in this one.
        validate: called with the model every ``validate_every`` steps; its numbers are logged.
        on_step: called after each step with its number and losses.
        stop: when it turns true the run saves a checkpoint after the current step and ends.
        settings: of the caller, for ``settings.json``.

    Returns:
        The trained model; after a stop the unfinished one, for which no model folder is written.

    Raises:
        InputError: if the plan does not fit the classes, or the folder holds a run with other settings.
        TrainingFault: if the loss is not finite or explodes.
    """
    if plan.setting == "transductive" and not split.unseen:
        raise InputError(
            "a transductive run needs unseen classes to label; use setting 'supervised' for none"
        )
    if folder.path is not None and not resume:
        _refuse_used(folder.path)
    run = TrustyRun(clip, split, plan, start)
    done = run.restore(folder.path) if resume else 0
    with closing(_Recorder(folder, run, validate, resume_step=done)) as recorder:
        for step, losses in run.steps(source, done, workers):
            if on_step is not None:
                on_step(step, losses)
            recorder.after(step, losses, is_last=step + 1 == plan.steps or bool(stop))
            if stop:
                break
    if folder.path is not None and not stop:
        save_trusty(folder.path, run.network, run.config(), settings=settings)
    return run.model()


class _Recorder:
    """What a run leaves behind while it goes on."""

    def __init__(
        self, folder: RunFolder, run: TrustyRun, validate: Validate | None, *, resume_step: int
    ) -> None:
        self.folder, self.run, self.validate = folder, run, validate
        self.log: MetricsLog | None = None
        if folder.path is not None:
            path = folder.path / "metrics.jsonl"
            self.log = MetricsLog(path, resume_step=resume_step, tensorboard=folder.tensorboard)

    def after(self, step: int, losses: dict[str, float], *, is_last: bool) -> None:
        """Log, validate and save where this step is due."""
        done, row = step + 1, {}
        if is_last or done % self.folder.log_every == 0:
            row = {**losses, "rate": self.run.plan.rate(step)}
        if (
            self.validate is not None
            and self.folder.validate_every
            and done % self.folder.validate_every == 0
        ):
            row |= self.validate(self.run.model())
        if self.log is not None and row:
            self.log.write(done, row)
        if self.folder.path is not None and (is_last or done % self.folder.save_every == 0):
            self.run.save(self.folder.path, done)

    def close(self) -> None:
        """Close the log."""
        if self.log is not None:
            self.log.close()


def _refuse_used(folder: Path) -> None:
    if any((folder / "checkpoints").glob("step-*.safetensors")):
        raise InputError(f"{folder} holds a run with checkpoints; resume it, or train into another folder")
