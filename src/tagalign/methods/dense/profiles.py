"""Named switches of dense segmentation: what the paper prints, what the release does, what we mend.

A profile ends here: methods receive its fields and never ask for its name.
"""

from dataclasses import dataclass

from tagalign.backbones.preprocess import IMAGENET_MEAN, IMAGENET_STD
from tagalign.errors import UnknownNameError
from tagalign.methods.labels import TemplateMean

THRESHOLD = 0.4  # of the probability; cosine 0.20945 with w = 10, b = -2.5

RGB = tuple[float, float, float]


@dataclass(frozen=True, kw_only=True)
class DenseProfile:
    """How an image is cut, scored and merged.

    Attributes:
        name: of the profile; printed beside every number.
        windows: sliding windows of the canvas's short side at half its stride; else the whole canvas at once.
        sigmoid_first: probabilities on the patch grid are upsampled; else cosines are, and then become probabilities.
        clip_weight: weight of the frozen head's map beside the trained one, in [0, 1]; baselines ignore it.
        template: the prompt of a label.
        template_mean: see ``embed_names``.
        pixel_mean: replaces the encoder's own; None keeps it.
        pixel_std: likewise.
        threshold: background where the best probability is at most this.
    """

    name: str
    windows: bool
    sigmoid_first: bool
    clip_weight: float
    template: str
    template_mean: TemplateMean
    pixel_mean: RGB | None = None
    pixel_std: RGB | None = None
    threshold: float = THRESHOLD


PROFILES: dict[str, DenseProfile] = {
    # section 3.3: whole image, cosines upsampled first, no dot in the prompt; where it is silent, CLIP's values
    "paper": DenseProfile(
        name="paper",
        windows=False,
        sigmoid_first=False,
        clip_weight=0.0,
        template="a photo of a {}",
        template_mean="unit",
    ),
    # Qinying-Liu/TagAlign at 02757a4: ImageNet statistics although the encoder is CLIP, 30 % of the frozen map
    "released": DenseProfile(
        name="released",
        windows=True,
        sigmoid_first=True,
        clip_weight=0.3,
        template="a photo of a {}.",
        template_mean="raw",
        pixel_mean=IMAGENET_MEAN,
        pixel_std=IMAGENET_STD,
    ),
    # the release with CLIP's pixel statistics and CLIP's way to average templates
    "fixed": DenseProfile(
        name="fixed",
        windows=True,
        sigmoid_first=True,
        clip_weight=0.3,
        template="a photo of a {}.",
        template_mean="unit",
    ),
}


def dense_profile(name: str) -> DenseProfile:
    """A profile by name.

    Raises:
        UnknownNameError: listing the known ones.
    """
    if name not in PROFILES:
        raise UnknownNameError("profile", name, PROFILES)
    return PROFILES[name]
