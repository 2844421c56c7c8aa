"""Named switches of TagAlign's training: what the paper prints, what its release does, what we mend.

A profile ends at the door (``TagAlignPlan``): everything below receives its fields as plain arguments.
"""

from dataclasses import dataclass, replace
from typing import Literal

from tagalign.ops.losses import RELEASED_PROB_FLOOR
from tagalign.registry import find_entry

ProfileName = Literal["paper", "released", "fixed"]


@dataclass(frozen=True, kw_only=True)
class TrainProfile:
    """How the projector is trained.

    Attributes:
        name: of the profile; printed beside every number. Pixel statistics belong to the profile of the same
            name in ``methods.dense.profiles``, so that training and inference cannot disagree.
        loss: tag loss, a name in ``ops.tag_losses.TAG_LOSSES``, with options behind a colon where they differ.
        prob_floor: see ``softmax_tag_loss``; None is exact.
        template: prompt of a tag.
        learning_rate: of AdamW, constant.
        rate_batch: the rate grows with ``batch size / rate_batch``; None leaves it alone.
        betas: of AdamW.
        eps: of AdamW.
        weight_decay: of AdamW; biases and other 1-D parameters are exempt.
        decay_scalars: whether gates and temperatures (0-D) decay too.
        clip_norm: largest norm of the gradient.
        temperature: start of both temperatures.
        augmentation: of pixels, a name in ``data.augment.AUGMENTATIONS``.
    """

    name: str
    loss: str
    prob_floor: float | None
    template: str
    rate_batch: int | None
    decay_scalars: bool
    augmentation: str
    learning_rate: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-6
    weight_decay: float = 0.05
    clip_norm: float = 5.0
    temperature: float = 0.07

    def with_choices(self, *, loss: str | None, learning_rate: float | None) -> "TrainProfile":
        """The profile with another tag loss or rate where one is given."""
        return replace(self, loss=loss or self.loss, learning_rate=learning_rate or self.learning_rate)

    def rate_for_batch(self, batch_size: int) -> float:
        """``learning_rate * batch_size / rate_batch``, or the rate itself where it does not depend on the batch."""
        if self.rate_batch is None:
            return self.learning_rate
        return self.learning_rate * batch_size / self.rate_batch


TRAIN_PROFILES: dict[str, TrainProfile] = {
    # section 4.2 and C.2: AdamW, 1e-3, constant; silent about decay and clipping, where the release's values stand
    "paper": TrainProfile(
        name="paper",
        loss="balanced",
        prob_floor=None,
        template="a photo of a {}",
        rate_batch=None,
        decay_scalars=False,
        augmentation="crop",
    ),
    # Qinying-Liu/TagAlign at 02757a4: plain softmax with a floor, RandAugment, decaying gates and temperatures
    "released": TrainProfile(
        name="released",
        loss="softmax",
        prob_floor=RELEASED_PROB_FLOOR,
        template="a photo of a {}.",
        rate_batch=4096,
        decay_scalars=True,
        augmentation="released",
    ),
    # the release without its floor and without decay on gates and temperatures, with the paper's loss
    "fixed": TrainProfile(
        name="fixed",
        loss="balanced",
        prob_floor=None,
        template="a photo of a {}.",
        rate_batch=4096,
        decay_scalars=False,
        augmentation="released",
    ),
}


def train_profile(name: str) -> TrainProfile:
    """A profile by name.

    Raises:
        UnknownNameError: listing the known ones.
    """
    return find_entry("profile", name, TRAIN_PROFILES)
