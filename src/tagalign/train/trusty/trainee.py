"""TrustyCLIP as what the loop trains: prompts and head on a frozen CLIP, from images with masks."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.optim import AdamW

from tagalign.backbones.facts import pinned_name
from tagalign.backbones.preprocess import Preprocessing
from tagalign.backbones.protocols import BlockBackbone
from tagalign.data.processes import Processes
from tagalign.data.trusty.crops import CropBatch, CropDataset, crop_batches
from tagalign.data.trusty.sources import ClassSplit, SegmentationSource
from tagalign.methods.labels import embed_names
from tagalign.methods.trusty.folder import TrustyConfig
from tagalign.methods.trusty.method import TrustyClip
from tagalign.methods.trusty.network import TrustyNetwork, sizes_for
from tagalign.methods.trusty.options import TrustyOptions
from tagalign.methods.trusty.profiles import trusty_profile
from tagalign.ops.compiling import compiled
from tagalign.ops.precision import resolve_precision
from tagalign.train.loop.clock import StepClock
from tagalign.train.loop.nested import State
from tagalign.train.loop.pieces import pieces_of
from tagalign.train.loop.trainee import Position, StepResult, Trainee
from tagalign.train.trusty.plan import TrustyPlan
from tagalign.train.trusty.step import Phase, StepLoss, total_loss

RANK_STRIDE = 2**40  # seeds of two processes never meet: a run has fewer steps than that


@dataclass(frozen=True, kw_only=True, eq=False)
class MaskData:
    """What a run learns from.

    Attributes:
        source: images with label maps.
        split: the classes and which of them hide their masks.
        held_out: images that are never trained on; their loss is computed at every validation.
        workers: processes that read and crop images; 0 does it in the one that trains.
    """

    source: SegmentationSource
    split: ClassSplit
    held_out: SegmentationSource | None = None
    workers: int = 0


class TrustyTrainee(Trainee[CropBatch]):
    """Trains prompts and head.

    Args:
        clip: the frozen encoder; its device is the device of the run.
        network: what is trained, in place.
        data: see ``MaskData``.
        plan: everything that decides the numbers.
        processes: that share the batches.
        check: more numbers of a validation, of the model so far.
    """

    def __init__(
        self,
        clip: BlockBackbone,
        network: TrustyNetwork,
        data: MaskData,
        plan: TrustyPlan,
        *,
        processes: Processes,
        check: Callable[[TrustyClip], Mapping[str, float]] | None = None,
    ) -> None:
        self.clip, self.network, self.data, self.plan = clip, network, data, plan
        self.processes, self.check = processes, check
        self.profile = trusty_profile(plan.profile)
        self.precision = resolve_precision(plan.precision, processes.device)
        self.losses = self._losses(processes)

    def _losses(self, processes: Processes) -> StepLoss:
        plan = self.plan
        return StepLoss(
            self.clip,
            embed_names(self.clip, self.data.split.names, plan.templates),
            self.data.split,
            target=plan.trusty_target,
            weights=plan.loss_weights,
            trusty_loss=self.profile.trusty_loss,
            ignored=plan.ignored,
            min_score=plan.min_score,
            precision=self.precision,
            processes=processes,
            encode=compiled(self.network.encode, processes.device) if plan.compile_network else None,
        )

    @property
    def module(self) -> nn.Module:
        """Prompts and head; the encoder is not among them."""
        return self.network

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        """The plan."""
        return self.plan.facts(self.precision)

    @property
    def clip_norm(self) -> float | None:
        """The papers do not clip."""
        return None

    def parameters(self) -> list[nn.Parameter]:
        """All but the parts that the release leaves frozen."""
        return [p for p in self.network.parameters() if p.requires_grad]

    def new_optimiser(self) -> AdamW:
        """AdamW that decays norms too, as the release does against its config's intention."""
        plan = self.plan
        return AdamW(self.parameters(), lr=plan.learning_rate, weight_decay=plan.weight_decay, fused=True)

    def rate(self, step: int) -> float:
        """Of the plan."""
        return self.plan.rate(step)

    def begins_anew(self, step: int) -> bool:
        """With self-training, which the release starts from a checkpoint of weights."""
        return self.plan.setting == "transductive" and step == self.plan.half and step > 0

    def batches(self, position: Position) -> Iterator[CropBatch]:
        """Crops from step ``position`` on."""
        plan = self.plan
        crops = self._crops(self.data.source, self._steers_crops())
        return crop_batches(
            crops,
            self._pixels(),
            batch_size=plan.batch_size,
            first_step=position or 0,
            steps=plan.steps,
            workers=self.data.workers,
            processes=self.processes,
        )

    def _crops(self, source: SegmentationSource, known: tuple[int, ...] | None) -> CropDataset:
        plan = self.plan
        return CropDataset(
            source, plan.augmentation, seed=plan.seed, known=known, ignored=self.data.split.ignored
        )

    def _pixels(self) -> Preprocessing:
        return self.profile.pixels(self.clip.preprocessing)

    def _steers_crops(self) -> tuple[int, ...] | None:
        """Ids whose pixels may decide where a crop lies; the published recipe looks at hidden classes too."""
        is_strict = self.plan.trusty_target == "strict" and self.plan.setting != "supervised"
        return self.data.split.seen if is_strict else None

    def step(self, step: int, batch: CropBatch, clock: StepClock) -> StepResult:
        """Forward and backward, piece by piece where the plan says so; dropout depends on seed, step and process.

        Sums are divided by the masks of the whole batch, so pieces add up to its gradient; what dropout draws is another
        sequence where the batch is cut otherwise.
        """
        phase, seed = self.plan.phase(step), _step_seed(self.plan.seed, step, self.processes.rank)
        pieces = [batch[piece] for piece in pieces_of(len(batch), self.plan.micro_batch)]
        masks = None if len(pieces) == 1 else self._masks_of(pieces, phase, seed)
        # a resumed run draws the same
        torch.manual_seed(seed)
        sums: dict[str, torch.Tensor] = {}
        for piece in pieces:
            share = len(piece) / len(batch)
            losses = self.losses(self.network, piece, phase, count=None if masks is None else masks * share)
            loss = total_loss(losses) * share
            clock.mark("loss")
            loss.backward()
            clock.mark("backward")
            for name, value in {"loss": loss, **{k: v * share for k, v in losses.items()}}.items():
                sums[name] = sums.get(name, 0) + value.detach()
        evidence = {"pixels": batch.pixels, "labels": batch.labels, "is_padding": batch.is_padding}
        return StepResult(losses=sums, evidence=evidence)

    def _masks_of(self, pieces: Sequence[CropBatch], phase: Phase, seed: int) -> float:
        """Masks that the sums of a process are divided by; drawn as the step will draw."""
        torch.manual_seed(seed)
        found = sum(self.losses.num_masks(self.network, piece, phase) for piece in pieces)
        return self.losses.share_of_masks(torch.tensor(found, device=self.processes.device))

    def state(self) -> State:
        """What was trained."""
        return self.network.state_dict()

    def load_state(self, state: State) -> None:
        """Put it back."""
        self.network.load_state_dict(state)

    def validate(self, step: int, shown: Mapping[str, float]) -> Mapping[str, float]:
        """Losses on held-out images, and what the caller measures."""
        own = {} if self.data.held_out is None else self._held_out_losses(self.data.held_out)
        return own if self.check is None else {**own, **self.check(self.model())}

    @torch.no_grad()
    def _held_out_losses(self, source: SegmentationSource) -> dict[str, float]:
        """Mean losses over one crop of every image, named ``held_out_loss``, ``held_out_mask``, ...

        On seen classes in every phase but a supervised one: losses on pseudo labels could not be compared with earlier ones.
        """
        plan, split = self.plan, self.data.split
        # crops as in training, but the same ones every time: places 0 to n - 1 have the same generators
        size = min(plan.batch_size, len(source))
        crops = self._crops(source, split.seen)
        steps = len(source) // size
        phase: Phase = "supervised" if plan.setting == "supervised" else "inductive"
        losses, totals = self._losses(Processes(device=self.processes.device)), dict[str, float]()
        for batch in crop_batches(crops, self._pixels(), batch_size=size, first_step=0, steps=steps):
            terms = losses(self.network, batch.to(self.processes.device), phase)
            for name, value in {"loss": total_loss(terms), **terms}.items():
                totals[name] = totals.get(name, 0.0) + float(value)
        return {f"held_out_{name}": total / steps for name, total in totals.items()}

    def model(self) -> TrustyClip:
        """The network as users call it, which puts it into evaluation mode."""
        config = self.config()
        return TrustyClip(
            self.clip,
            self.network,
            TrustyOptions(short_side=config.crop, calibration=None if config.setting == "inductive" else 0.0),
            profile=self.profile,
            trained=config.trained,
            templates=config.templates,
            trained_with={"setting": config.setting, "trusty_target": config.trusty_target},
        )

    def config(self) -> TrustyConfig:
        """What the model folder says."""
        plan, split = self.plan, self.data.split
        known = split.seen if plan.setting == "inductive" else range(len(split.names))
        return TrustyConfig(
            backbone=pinned_name(self.clip),
            backbone_hash=self.clip.weight_hash,
            profile=plan.profile,
            setting=plan.setting,
            trusty_target=plan.trusty_target if plan.has_token else "none",
            trained=split.names_of(tuple(known)),
            templates=plan.templates,
            crop=plan.augmentation.crop,
            sizes=self.network.sizes,
        )


def new_network(clip: BlockBackbone, plan: TrustyPlan) -> TrustyNetwork:
    """An untrained network for a plan, on the encoder's device; the same for the same seed."""
    sizes = sizes_for(
        clip,
        num_prompts=plan.num_prompts,
        depth=plan.prompt_depth,
        num_heads=plan.num_heads,
        hidden=plan.hidden,
        has_token=plan.has_token,
        learner=plan.learner,
        profile=trusty_profile(plan.profile),
    )
    # made on the CPU, so that every device starts from the same weights
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(plan.seed)
        network = TrustyNetwork(sizes, dropout=plan.dropout)
    if network.head.cosine is not None:
        network.head.cosine.start_at(clip.logit_scale)
    return network.to(clip.device)


def _step_seed(seed: int, step: int, rank: int) -> int:
    return (seed * 1_000_003 + step + rank * RANK_STRIDE) % 2**63
