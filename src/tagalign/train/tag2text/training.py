"""Train Tag2Text: one call from a network and its data to trained weights, with exact resume.

trained = train_tag2text(method, data, Tag2TextPlan(steps=1000), tasks=Tasks(), out_dir="run")
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from tagalign.data.processes import Processes
from tagalign.data.tag2text.batches import Tag2TextData
from tagalign.data.tag2text.stream import RecordStream
from tagalign.methods.tag2text.method import Tag2TextMethod
from tagalign.train.loop.checkpoints import read_state
from tagalign.train.loop.plan import Hooks
from tagalign.train.loop.resume import best_trainee
from tagalign.train.loop.run import TrainingRun
from tagalign.train.tag2text.losses import Tasks
from tagalign.train.tag2text.momentum import PREFIX
from tagalign.train.tag2text.plan import Tag2TextPlan
from tagalign.train.tag2text.trainee import Tag2TextTrainee


@dataclass(frozen=True, kw_only=True)
class TrainedTag2Text:
    """What a run did; the network was trained in place and is in evaluation mode.

    Attributes:
        steps: optimiser steps done.
        is_finished: False when a stop was requested before the last step.
        numbers: the last logged ones (losses, learning rate, images per second).
    """

    steps: int
    is_finished: bool
    numbers: Mapping[str, float]


def train_tag2text(
    method: Tag2TextMethod,
    data: Tag2TextData | RecordStream,
    plan: Tag2TextPlan,
    *,
    tasks: Tasks | None = None,
    held_out: Tag2TextData | None = None,
    out_dir: str | Path | None = None,
    hooks: Hooks[Tag2TextMethod] = Hooks(),  # noqa: B008 - frozen
    processes: Processes | None = None,
) -> TrainedTag2Text:
    """Train a network in place; an ``out_dir`` with checkpoints of the same run is continued.

    Args:
        method: a network, new or trained before (fine-tuning), with its tokenizer, tag list and thresholds; what it
            recognises by them guides captions where ``tasks`` asks for that. Its profile is that of inference.
        data: ``TokenData``, ``PhotoData`` or a ``RecordStream``; its ids point into the tag list.
        plan: everything that is chosen.
        tasks: what is learned; the four pre-training tasks when None.
        held_out: images that are never trained on; their losses are computed at every validation.
        out_dir: gets ``checkpoints/`` and ``metrics.jsonl``; None keeps everything in memory.
        hooks: validation, progress, and a request to stop.
        processes: that share the run; one when None.

    Raises:
        InputError: for settings that do not fit together or to the checkpoints of ``out_dir``.
        TrainingFault: if the loss is not finite or explodes.
    """
    processes = processes or Processes(device=method.device)
    # one image of a process would have no negative among its own
    processes.own_share(plan.batch_size, least=2)
    trainee = Tag2TextTrainee(
        method,
        data,
        plan,
        tasks or Tasks(),
        processes=processes,
        held_out=held_out,
        check=hooks.validate,
    )
    folder = None if out_dir is None else Path(out_dir)
    run = TrainingRun(trainee, plan, folder=folder, processes=processes, hooks=hooks)
    run.resume()
    finished = run.run()
    return TrainedTag2Text(steps=run.step, is_finished=finished, numbers=dict(run.shown))


@torch.no_grad()
def load_best(method: Tag2TextMethod, out_dir: Path) -> bool:
    """Fill a network with the best weights of a run; False where none were kept.

    Raises:
        DataError: if the file is damaged.
    """
    path = out_dir / "checkpoints" / "best.safetensors"
    if not path.exists():
        return False
    own = method.model.own_parameters()
    for name, value in best_trainee(read_state(path).state).items():
        if not name.startswith(PREFIX):  # the momentum encoder is no part of the model
            own[name].copy_(value)
    return True
