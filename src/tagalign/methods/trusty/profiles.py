"""Named switches of TrustyCLIP: what the paper prints, what the release does, what we mend."""

from dataclasses import dataclass

from tagalign.backbones.preprocess import IMAGENET_MEAN, IMAGENET_STD, RGB, Preprocessing
from tagalign.ops.mask_losses import TrustyLoss
from tagalign.registry import find_entry


@dataclass(frozen=True, kw_only=True)
class TrustyProfile:
    """How images enter, how the trusty map is trained, how scores are combined.

    Attributes:
        name: of the profile; printed beside every number.
        calibration: subtracted from the scores of seen classes.
        trusty_loss: loss of the trusty map.
        class_embedding_times: how often the class embedding is added to its token.
        starts_at_cosine: the head starts at CLIP's cosines (``TrustyHead``).
        cls_weight: of L_cls in Eq. 11.
        pixel_mean: replaces the encoder's own; None keeps it.
        pixel_std: likewise.
    """

    name: str
    calibration: float
    trusty_loss: TrustyLoss
    class_embedding_times: int
    starts_at_cosine: bool = False
    cls_weight: float = 0.0
    pixel_mean: RGB | None = None
    pixel_std: RGB | None = None

    def pixels(self, own: Preprocessing) -> Preprocessing:
        """An encoder's preprocessing with the profile's pixel statistics."""
        return own.with_statistics(self.pixel_mean, self.pixel_std)


PROFILES: dict[str, TrustyProfile] = {
    # Eq. 10 prints dice; Eq. 11 has L_cls, without a factor; Eq. 12 has no calibration; where the paper is silent, CLIP's
    # own values
    "paper": TrustyProfile(
        name="paper", calibration=0.0, trusty_loss="dice", class_embedding_times=1, cls_weight=1.0
    ),
    # dvlab-research/TagCLIP at 407daa9: ImageNet statistics, the class embedding twice, 0.1 off the seen classes
    "released": TrustyProfile(
        name="released",
        calibration=0.1,
        trusty_loss="focal",
        class_embedding_times=2,
        pixel_mean=IMAGENET_MEAN,
        pixel_std=IMAGENET_STD,
    ),
    # the release with CLIP's pixel statistics, CLIP's class token, no unexplained calibration, and a head that need not
    # learn anew what the frozen encoder knows: from random weights it ends below it (docs/results/trusty.md)
    "fixed": TrustyProfile(
        name="fixed", calibration=0.0, trusty_loss="focal", class_embedding_times=1, starts_at_cosine=True
    ),
}


def trusty_profile(name: str) -> TrustyProfile:
    """A profile by name.

    Raises:
        UnknownNameError: listing the known ones.
    """
    return find_entry("profile", name, PROFILES)
