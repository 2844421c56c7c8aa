"""One training step of TrustyCLIP: which names are asked, which pixels are targets, in each phase of a run."""

from dataclasses import KW_ONLY, dataclass, field
from typing import Literal, get_args

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from tagalign.backbones.protocols import BlockBackbone
from tagalign.data.processes import Processes
from tagalign.data.trusty.crops import CropBatch
from tagalign.data.trusty.sources import ClassSplit
from tagalign.errors import UnknownNameError
from tagalign.methods.trusty.network import MaskLogits, TrustyNetwork
from tagalign.ops.mask_losses import (
    Ignored,
    MaskLossForm,
    MaskLossWeights,
    TrustyLoss,
    is_present,
    one_hot_masks,
    resize_logits,
    segmentation_losses,
)
from tagalign.ops.precision import Precision, autocast
from tagalign.train.loop.distributed import sum_over_world
from tagalign.train.trusty.targets import TrustyTarget, hide_labels, mask_labels, pseudo_labels, trusty_target

UnseenSetting = Literal["inductive", "transductive", "supervised"]
"""``inductive``: neither masks nor names of unseen classes. ``transductive``: their names from half time on.
``supervised``: everything."""

Phase = Literal["inductive", "self-training", "supervised"]


@dataclass(frozen=True, eq=False)
class StepLoss:
    """The losses of a batch in one phase.

    Attributes:
        clip: the frozen encoder.
        text: unit-length embeddings of all class names; only rows that the phase may know are used.
        split: the classes.
        target: see ``TrustyTarget``; also rules where self-training may put labels.
        weights: of the losses.
        trusty_loss: of the trusty map.
        ignored: what ignored pixels do.
        min_score: of pseudo labels; see ``pseudo_labels``.
        precision: of the network's products; losses are computed in float32.
        processes: the batch is one process's part; the mean of the losses over them is that of the whole batch.
    """

    clip: BlockBackbone
    text: Float[Tensor, "classes dim"]
    split: ClassSplit
    _: KW_ONLY
    target: TrustyTarget = "strict"
    weights: MaskLossWeights = MaskLossWeights()  # noqa: RUF009 - frozen
    trusty_loss: TrustyLoss = "focal"
    ignored: Ignored = "released"
    min_score: float = 0.0
    precision: Precision = "fp32"
    processes: Processes = field(default_factory=Processes)

    def __call__(
        self, network: TrustyNetwork, batch: CropBatch, phase: Phase
    ) -> dict[str, Float[Tensor, ""]]:
        """The weighted terms; their sum is the loss.

        Raises:
            UnknownNameError: for another phase.
        """
        if phase == "inductive":
            logits = self._logits(network, batch, self.split.seen, drop_token=False)
            return self._inductive(logits, batch)
        if phase not in get_args(Phase):
            raise UnknownNameError("phase", phase, get_args(Phase))
        everything = tuple(range(len(self.split.names)))
        logits = self._logits(network, batch, everything, drop_token=True)  # as in the release: no token here
        if phase == "supervised":
            return self._losses(logits, mask_labels(batch.labels, everything, ignored=self.split.ignored))
        return self._losses(logits, self.pseudo_labels_of(logits, batch))

    def _logits(
        self, network: TrustyNetwork, batch: CropBatch, ids: tuple[int, ...], *, drop_token: bool
    ) -> MaskLogits:
        with autocast(self.precision, batch.pixels.device):
            features = network.encode(self.clip, batch.pixels)
            logits = network.masks(features, self.text[list(ids)], drop_token=drop_token)
        # losses sum over millions of pixels, which bfloat16 cannot count
        trusty = None if logits.trusty is None else logits.trusty.float()
        return MaskLogits(classes=logits.classes.float(), trusty=trusty)

    def _inductive(self, logits: MaskLogits, batch: CropBatch) -> dict[str, Float[Tensor, ""]]:
        split = self.split
        labels = mask_labels(batch.labels, split.seen, ignored=split.ignored)
        if logits.trusty is None:
            return self._losses(logits, labels)
        # padding is no part of the photo, so nothing is to be learned from it; it stays a negative, as in the release
        target = trusty_target(
            batch.labels, split.seen, split.unseen, kind=self.target, ignored=split.ignored
        )
        return self._losses(logits, labels, target & ~batch.is_padding, self._judged(batch))

    def _judged(self, batch: CropBatch) -> Bool[Tensor, "batch height width"] | None:
        """Pixels the trusty map is judged on; a strict run cannot tell ignored pixels from unseen ones."""
        if self.ignored == "released":
            return None
        return ~batch.is_padding if self.target == "strict" else batch.labels != self.split.ignored

    def pseudo_labels_of(self, logits: MaskLogits, batch: CropBatch) -> Int[Tensor, "batch height width"]:
        """Labels of a self-training step: seen masks as given, the rest by the network where it may."""
        split, ignored = self.split, self.split.ignored
        hidden = hide_labels(batch.labels, split.seen, split.unseen, kind=self.target, ignored=ignored)
        hidden = hidden.masked_fill(batch.is_padding, ignored)
        full = resize_logits(logits.classes.detach(), (hidden.shape[1], hidden.shape[2]))
        return pseudo_labels(full, hidden, split.unseen, min_score=self.min_score, ignored=ignored)

    def _losses(
        self,
        logits: MaskLogits,
        labels: Int[Tensor, "batch height width"],
        target: Bool[Tensor, "batch height width"] | None = None,
        judged: Bool[Tensor, "batch height width"] | None = None,
    ) -> dict[str, Float[Tensor, ""]]:
        return segmentation_losses(
            logits.classes,
            logits.trusty,
            labels,
            target,
            weights=self.weights,
            form=self._form(),
            trusty_counted=judged,
            count=self._mean_masks(labels, logits.classes.shape[1]),
        )

    def _form(self) -> MaskLossForm:
        return MaskLossForm(trusty_loss=self.trusty_loss, ignored=self.ignored, ignored_id=self.split.ignored)

    def _mean_masks(self, labels: Int[Tensor, "batch height width"], num_classes: int) -> float | None:
        """Masks of the whole batch per process, which each divides its sums by; None where there is one process."""
        if self.processes.size == 1:
            return None
        found = is_present(one_hot_masks(labels, num_classes)).sum()
        return max(1.0, float(sum_over_world(found, self.processes))) / self.processes.size


def phase_of(setting: UnseenSetting, step: int, *, self_training_from: int) -> Phase:
    """The phase of a step: a transductive run trains inductively until step ``self_training_from``.

    Raises:
        UnknownNameError: for another setting.
    """
    if setting not in get_args(UnseenSetting):
        raise UnknownNameError("setting", setting, get_args(UnseenSetting))
    if setting == "transductive":
        return "inductive" if step < self_training_from else "self-training"
    return setting


def poly_rate(
    base: float,
    step: int,
    *,
    steps: int,
    warmup: int = 1500,
    power: float = 0.9,
    final: float = 1e-6,
    first_share: float = 1e-6,
) -> float:
    """Learning rate of the update number ``step`` (from 0): ``(base - final) (1 - step/steps)^power + final``.

    During the first ``warmup`` updates it is multiplied by a factor that rises linearly from ``first_share`` to 1
    (MMSegmentation's schedule, as the release uses it).
    """
    rate = (base - final) * max(1 - step / steps, 0.0) ** power + final
    if step >= warmup:
        return rate
    return rate * (1 - (1 - step / warmup) * (1 - first_share))


def total_loss(losses: dict[str, Float[Tensor, ""]]) -> Float[Tensor, ""]:
    """Sum of the weighted terms."""
    return torch.stack(list(losses.values())).sum()
