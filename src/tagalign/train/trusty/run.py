"""The state of one TrustyCLIP run: network, optimiser and losses; what a step does, what a checkpoint holds."""

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import nn
from torch.optim import AdamW

from tagalign.backbones.protocols import BlockBackbone
from tagalign.data.trusty.crops import CropBatch, crop_batches
from tagalign.data.trusty.sources import ClassSplit, SegmentationSource
from tagalign.methods.labels import embed_names
from tagalign.methods.trusty.folder import TrustyConfig
from tagalign.methods.trusty.method import TrustyCLIP
from tagalign.methods.trusty.network import TrustyNetwork, sizes_for
from tagalign.methods.trusty.profiles import trusty_profile
from tagalign.train.loop.checkpoints import Checkpoints
from tagalign.train.loop.guards import LossGuard
from tagalign.train.loop.schedule import set_rate
from tagalign.train.trusty.plan import TrustyPlan
from tagalign.train.trusty.step import StepLoss, total_loss


class TrustyRun:
    """Network, optimiser and losses of one run."""

    def __init__(
        self, clip: BlockBackbone, split: ClassSplit, plan: TrustyPlan, start: TrustyNetwork | None
    ) -> None:
        self.clip, self.split, self.plan = clip, split, plan
        self.profile = trusty_profile(plan.profile)
        self.network = start or new_network(clip, plan)
        self.optimiser = self._new_optimiser()
        self.guard = LossGuard()
        self.losses = StepLoss(
            clip,
            embed_names(clip, split.names, plan.templates),
            split,
            target=plan.trusty_target,
            weights=plan.weights,
            trusty_loss=self.profile.trusty_loss,
            ignored=plan.ignored,
            min_score=plan.min_score,
        )

    def _new_optimiser(self) -> AdamW:
        trained = [p for p in self.network.parameters() if p.requires_grad]
        return AdamW(trained, lr=self.plan.learning_rate, weight_decay=self.plan.weight_decay, fused=True)

    def steps(
        self, source: SegmentationSource, first: int, workers: int
    ) -> Iterator[tuple[int, dict[str, float]]]:
        """Do the steps from ``first`` on; yields the number and the losses of each."""
        batches = crop_batches(
            source,
            self.plan.augmentation,
            self.model().preprocessing,
            seed=self.plan.seed,
            batch_size=self.plan.batch_size,
            first_step=first,
            steps=self.plan.steps,
            workers=workers,
            known=self._steers_crops(),
        )
        for step, batch in enumerate(batches, start=first):
            yield step, self._step(step, batch.to(self.clip.device))

    def _steers_crops(self) -> tuple[int, ...] | None:
        """Ids whose pixels may decide where a crop lies; the published recipe looks at hidden classes too."""
        is_strict = self.plan.trusty_target == "strict" and self.plan.setting != "supervised"
        return self.split.seen if is_strict else None

    def _step(self, step: int, batch: CropBatch) -> dict[str, float]:
        plan = self.plan
        if plan.setting == "transductive" and step == plan.half and step > 0:
            self.optimiser = (
                self._new_optimiser()
            )  # the release starts its self-training from a checkpoint of weights
        set_rate(self.optimiser, plan.rate(step))
        torch.manual_seed(_step_seed(plan.seed, step))  # dropout; a resumed run draws the same
        losses = self.losses(self.network.train(), batch, plan.phase(step))
        loss = total_loss(losses)
        self.guard.check(step, loss.item())
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        return {"loss": loss.item(), **{name: value.item() for name, value in losses.items()}}

    def model(self) -> TrustyCLIP:
        """The network as users call it."""
        config = self.config()
        return TrustyCLIP(
            self.clip,
            self.network,
            profile=self.profile,
            trained=config.trained,
            templates=config.templates,
            short_side=config.crop,
            calibration=None if config.setting == "inductive" else 0.0,
            trained_with={"setting": config.setting, "trusty_target": config.trusty_target},
        )

    def config(self) -> TrustyConfig:
        """What the model folder says."""
        plan, split = self.plan, self.split
        known = split.seen if plan.setting == "inductive" else range(len(split.names))
        return TrustyConfig(
            backbone=self.clip.name,
            backbone_hash=self.clip.weight_hash,
            profile=plan.profile,
            setting=plan.setting,
            trusty_target=plan.trusty_target if plan.has_token else "none",
            trained=split.names_of(tuple(known)),
            templates=plan.templates,
            crop=plan.augmentation.crop,
            sizes=self.network.sizes,
        )

    def save(self, folder: Path, step: int) -> None:
        """Write a checkpoint."""
        state = {
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "guard": self.guard.state(),
            "plan": self.plan.as_dict(),
        }
        Checkpoints(folder / "checkpoints").save(step, state)

    def restore(self, folder: Path | None) -> int:
        """Go on from the last checkpoint; the number of steps that are done.

        Raises:
            InputError: if the checkpoint belongs to other settings.
        """
        found = Checkpoints(folder / "checkpoints").latest() if folder is not None else None
        if found is None:
            return 0
        self.plan.refuse_other(found.state["plan"])
        self.network.load_state_dict(found.state["network"])
        self.optimiser.load_state_dict(found.state["optimiser"])
        self.guard.restore(found.state["guard"])
        return found.step


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
        class_embedding_times=trusty_profile(plan.profile).class_embedding_times,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(plan.seed)
        return TrustyNetwork(sizes, dropout=plan.dropout).to(clip.device)


def trained_parameters(module: nn.Module) -> int:
    """Number of values that a run changes."""
    return sum(p.numel() for p in module.parameters() if p.requires_grad)


def _step_seed(seed: int, step: int) -> int:
    return (seed * 1_000_003 + step) % 2**63
