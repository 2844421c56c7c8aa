"""One training step of TrustyCLIP: which names are asked, which pixels are targets, in each phase of a run."""

from collections.abc import Callable
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
from tagalign.methods.trusty.prompts import PromptedFeatures
from tagalign.ops.mask_losses import (
    Ignored,
    MaskLossForm,
    MaskLossWeights,
    TrustyLoss,
    count_masks,
    segmentation_losses,
)
from tagalign.ops.precision import Precision, autocast
from tagalign.train.loop.distributed import sum_over_world
from tagalign.train.trusty.targets import TrustyTarget, hide_labels, mask_labels, pseudo_labels, trusty_target

UnseenSetting = Literal["inductive", "transductive", "supervised"]
"""``inductive``: neither masks nor names of unseen classes. ``transductive``: their names from half time on.
``supervised``: everything."""

Phase = Literal["inductive", "self-training", "supervised"]

Encode = Callable[[BlockBackbone, Tensor], PromptedFeatures]


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
        encode: a compiled form of the network's ``encode``.
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
    encode: Encode | None = None

    def __call__(
        self, network: TrustyNetwork, batch: CropBatch, phase: Phase, *, count: float | None = None
    ) -> dict[str, Float[Tensor, ""]]:
        """The weighted terms; their sum is the loss.

        Args:
            network: that is trained.
            batch: of one process.
            phase: of the run.
            count: masks that sums are divided by; those of the batch when None. A piece of a batch needs its share of the
                whole batch's, see ``num_masks``.

        Raises:
            UnknownNameError: for another phase.
        """
        logits = self._logits(network, batch, phase)
        labels = self._labels(logits, batch, phase)
        if phase == "inductive" and logits.trusty is not None:
            return self._inductive(logits, labels, batch, count)
        return self._losses(logits, labels, count=count)

    def num_masks(self, network: TrustyNetwork, batch: CropBatch, phase: Phase) -> int:
        """Masks of a batch: pairs of an image and a class in it.

        In self-training the network says which, as it does in a step that draws the same numbers.
        """
        if phase == "self-training":
            with torch.no_grad():
                labels = self._labels(self._logits(network, batch, phase), batch, phase)
        else:
            labels = self._labels(None, batch, phase)
        return count_masks(labels, len(self._asked(phase)))

    def _asked(self, phase: Phase) -> tuple[int, ...]:
        """Ids of the classes that a phase may ask for."""
        if phase not in get_args(Phase):
            raise UnknownNameError("phase", phase, get_args(Phase))
        return self.split.seen if phase == "inductive" else tuple(range(len(self.split.names)))

    def _labels(
        self, logits: MaskLogits | None, batch: CropBatch, phase: Phase
    ) -> Int[Tensor, "batch height width"]:
        if phase == "self-training":
            assert logits is not None  # pseudo labels are made of them
            return self.pseudo_labels_of(logits, batch)
        return mask_labels(batch.labels, self._asked(phase), ignored=self.split.ignored)

    def _logits(self, network: TrustyNetwork, batch: CropBatch, phase: Phase) -> MaskLogits:
        ids = self._asked(phase)
        drop_token = phase != "inductive"  # as in the release: no token where all names are known
        with autocast(self.precision, batch.pixels.device):
            features = (self.encode or network.encode)(self.clip, batch.pixels)
            logits = network.masks(features, self.text[list(ids)], drop_token=drop_token)
        # losses sum over millions of pixels, which bfloat16 cannot count
        trusty = None if logits.trusty is None else logits.trusty.float()
        return MaskLogits(classes=logits.classes.float(), trusty=trusty)

    def _inductive(
        self,
        logits: MaskLogits,
        labels: Int[Tensor, "batch height width"],
        batch: CropBatch,
        count: float | None,
    ) -> dict[str, Float[Tensor, ""]]:
        split = self.split
        # padding is no part of the photo, so nothing is to be learned from it; it stays a negative, as in the release
        target = trusty_target(
            batch.labels, split.seen, split.unseen, kind=self.target, ignored=split.ignored
        )
        return self._losses(logits, labels, target & ~batch.is_padding, self._judged(batch), count=count)

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
        return pseudo_labels(logits.classes, hidden, split.unseen, min_score=self.min_score, ignored=ignored)

    def _losses(
        self,
        logits: MaskLogits,
        labels: Int[Tensor, "batch height width"],
        target: Bool[Tensor, "batch height width"] | None = None,
        judged: Bool[Tensor, "batch height width"] | None = None,
        *,
        count: float | None = None,
    ) -> dict[str, Float[Tensor, ""]]:
        return segmentation_losses(
            logits.classes,
            logits.trusty,
            labels,
            target,
            weights=self.weights,
            form=self._form(),
            trusty_counted=judged,
            count=self._mean_masks(labels, logits.classes.shape[1]) if count is None else count,
        )

    def _form(self) -> MaskLossForm:
        return MaskLossForm(trusty_loss=self.trusty_loss, ignored=self.ignored, ignored_id=self.split.ignored)

    def _mean_masks(self, labels: Int[Tensor, "batch height width"], num_classes: int) -> float | None:
        """Masks of the whole batch per process, which each divides its sums by; None where there is one process."""
        if self.processes.size == 1:
            return None
        return self.share_of_masks(torch.tensor(count_masks(labels, num_classes), device=labels.device))

    def share_of_masks(self, found: Int[Tensor, ""]) -> float:
        """Masks of all processes divided by their number, from those of this one; at least 1 in all."""
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
