"""Train a TagAlign projector: one call from frozen features (or a stream of photos) to a model folder.

pairs = FeaturePairs(store=encode_images(backbone, images), images=np.arange(n), texts=..., labels=...)
data = TrainingPairs(pairs=pairs, vocabulary=vocabulary)
trained = train_tagalign(backbone, data, TagAlignPlan(steps=300, batch_size=128), out_dir="model")
method = trained.method(backbone)        # or tagalign.load("model")
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tagalign.backbones.facts import pinned_name
from tagalign.backbones.protocols import BlockBackbone
from tagalign.data.processes import Processes
from tagalign.methods.dense.projector import Projector
from tagalign.methods.tagalign.folder import TagAlignConfig
from tagalign.ops.compiling import compiled
from tagalign.ops.precision import resolve_precision
from tagalign.train.loop.plan import Hooks
from tagalign.train.loop.run import TrainingRun
from tagalign.train.tagalign.aligner import Aligner
from tagalign.train.tagalign.plan import TagAlignPlan, TrainingPairs
from tagalign.train.tagalign.result import TrainedProjector, write_folders
from tagalign.train.tagalign.setup import loss_terms, run_facts, seeded_aligner
from tagalign.train.tagalign.trainee import AlignerTrainee


def train_tagalign(
    backbone: BlockBackbone,
    data: TrainingPairs,
    plan: TagAlignPlan,
    *,
    out_dir: str | Path | None = None,
    hooks: Hooks[TrainedProjector] = Hooks(),  # noqa: B008 - frozen
    processes: Processes | None = None,
    settings: Mapping[str, Any] | None = None,
) -> TrainedProjector:
    """Train a projector on a frozen CLIP; an ``out_dir`` with checkpoints of the same run is continued.

    Args:
        backbone: the frozen encoder; its text tower embeds the tags once.
        data: what it learns from.
        plan: everything that is chosen.
        out_dir: gets the model folder (``docs/formats.md``), ``metrics.jsonl``, ``checkpoints/`` and, with a validation,
            ``best/``; None keeps everything in memory.
        hooks: validation, progress, and a request to stop.
        processes: that share the run; one when None.
        settings: of the caller, stored beside ours.

    Raises:
        InputError: for settings that do not fit together or to the checkpoints of ``out_dir``.
        TrainingFault: if the loss is not finite or explodes.
    """
    processes = processes or Processes(device=backbone.device)
    # one image of a process would have no negative among its own
    processes.own_share(plan.batch_size, least=2)
    trainee = new_trainee(backbone, data, plan, processes)
    facts = run_facts(backbone, data, plan, trainee.precision)

    def outcome(step: int, shown: Mapping[str, float], *, finished: bool = False) -> TrainedProjector:
        return TrainedProjector(
            projector=_projector(trainee.aligner),
            config=_config(backbone, trainee.aligner, plan),
            numbers=dict(shown),
            steps=step,
            is_finished=finished,
            settings={**facts, "steps": plan.steps, "caller": dict(settings or {})},
        )

    if (validate := hooks.validate) is not None:
        trainee.check = lambda step, shown: validate(outcome(step, shown))
    folder = None if out_dir is None else Path(out_dir)
    run = TrainingRun(trainee, plan, folder=folder, processes=processes, hooks=hooks)
    run.resume()
    finished = run.run()
    trained = outcome(run.step, run.shown, finished=finished)
    if folder is not None and processes.is_first and finished:
        write_folders(folder, trained, data.vocabulary)
    return trained


def new_trainee(
    backbone: BlockBackbone, data: TrainingPairs, plan: TagAlignPlan, processes: Processes
) -> AlignerTrainee:
    """An untrained projector with its loss terms; the same for the same seed.

    Raises:
        InputError: for losses that cannot be computed from the data.
    """
    switches, precision = plan.switches(), resolve_precision(plan.precision, processes.device)
    terms = loss_terms(
        backbone,
        switches,
        plan.losses,
        vocabulary=data.vocabulary,
        split_kinds=plan.split_kinds,
        tag_embeds=data.tag_embeds,
        distilled=data.distilled,
    )
    aligner = seeded_aligner(backbone, terms, seed=plan.seed, num_blocks=plan.num_blocks).to(processes.device)
    return AlignerTrainee(
        aligner=aligner,
        source=data.source(plan, processes),
        switches=switches,
        rates=plan.rate,
        processes=processes,
        precision=precision,
        micro_batch=plan.micro_batch,
        encode=data.encode,
        embed=compiled(aligner.embed, processes.device) if plan.compile_network else None,
        teacher=data.teacher,
        held_out=data.held_out,
        facts=run_facts(backbone, data, plan, precision) | dict(data.facts),
    )


def _projector(aligner: Aligner) -> Projector:
    assert isinstance(aligner.projector, Projector)  # seeded_aligner made it
    return aligner.projector


def _config(backbone: BlockBackbone, aligner: Aligner, plan: TagAlignPlan) -> TagAlignConfig:
    return TagAlignConfig(
        backbone=pinned_name(backbone),
        backbone_hash=backbone.weight_hash,
        profile=plan.profile,
        width=backbone.width,
        dim=backbone.embed_dim,
        mode=plan.mode,
        num_blocks=plan.num_blocks,
        logit_scale=aligner.inference_scale(),
    )
