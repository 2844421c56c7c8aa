"""Training of TrustyCLIP: prompts and head on a frozen CLIP, from images with masks, in the settings of the paper."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tagalign.backbones.protocols import BlockBackbone
from tagalign.data.processes import Processes
from tagalign.errors import InputError
from tagalign.methods.trusty.folder import save_trusty
from tagalign.methods.trusty.method import TrustyClip
from tagalign.methods.trusty.network import TrustyNetwork
from tagalign.train.loop.checkpoints import read_state
from tagalign.train.loop.plan import Hooks
from tagalign.train.loop.resume import best_trainee
from tagalign.train.loop.run import TrainingRun
from tagalign.train.trusty.plan import TrustyPlan
from tagalign.train.trusty.trainee import MaskData, TrustyTrainee, new_network


def train_trusty(
    clip: BlockBackbone,
    data: MaskData,
    plan: TrustyPlan,
    *,
    out_dir: str | Path | None = None,
    start: TrustyNetwork | None = None,
    hooks: Hooks[TrustyClip] = Hooks(),  # noqa: B008 - frozen
    processes: Processes | None = None,
    settings: Mapping[str, Any] | None = None,
) -> TrustyClip:
    """Train, and write a model folder that ``tagalign.load`` opens; one with checkpoints of the same run is continued.

    On a CPU a run depends on its arguments alone, bit by bit, however often it was stopped and resumed and by however many
    workers its images were read. Without dropout several processes end like one, to rounding.

    Args:
        clip: the frozen encoder; its device is the device of the run.
        data: images with masks.
        plan: everything that decides the numbers.
        out_dir: gets the model folder, ``metrics.jsonl``, ``checkpoints/`` and, with a validation, ``best/``; None keeps
            everything in memory.
        start: trained before, to go on from; of the sizes of the plan.
        hooks: validation, progress, and a request to stop.
        processes: that share the run; one when None.
        settings: of the caller, for ``settings.json``.

    Returns:
        The trained model; after a stop the unfinished one, for which no model folder is written.

    Raises:
        InputError: if the plan does not fit the classes, or the folder holds a run with other settings.
        TrainingFault: if the loss is not finite or explodes.
    """
    if plan.setting == "transductive" and not data.split.unseen:
        raise InputError(
            "a transductive run needs unseen classes to label; use setting 'supervised' for none"
        )
    processes = processes or Processes(device=clip.device)
    processes.own_share(plan.batch_size)
    network = start or new_network(clip, plan)
    trainee = TrustyTrainee(clip, network, data, plan, processes=processes, check=hooks.validate)
    folder = None if out_dir is None else Path(out_dir)
    run = TrainingRun(trainee, plan, folder=folder, processes=processes, hooks=hooks)
    run.resume()
    if run.run() and folder is not None and processes.is_first:
        _write_folders(folder, trainee, settings)
    return trainee.model()


def _write_folders(folder: Path, trainee: TrustyTrainee, settings: Mapping[str, Any] | None) -> None:
    """The model folder, and the best checkpoint as one of its own in ``best/``."""
    save_trusty(folder, trainee.network, trainee.config(), settings=settings)
    best = folder / "checkpoints" / "best.safetensors"
    if best.exists():
        network = TrustyNetwork(trainee.network.sizes)
        network.load_state_dict(best_trainee(read_state(best).state))
        save_trusty(folder / "best", network, trainee.config(), settings=settings)
