"""Named switches of dense segmentation: what the paper prints, what the release does, what we mend.

A profile ends here: methods receive its fields and never ask for its name.
"""

from dataclasses import dataclass, replace

from tagalign.backbones.preprocess import IMAGENET_MEAN, IMAGENET_STD, RGB
from tagalign.backbones.protocols import Resize
from tagalign.methods.labels import TemplateMean
from tagalign.registry import find_entry

THRESHOLD = 0.4  # of the probability; cosine 0.20945 with w = 10, b = -2.5


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
        positions: how position embeddings are resized; None is the encoder's own way.
        native_windows: windows of the encoder's native size at half their stride, on a canvas of 1.5 times that short side;
            their cosines are averaged at the pixels of the canvas.
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
    positions: Resize | None = None
    native_windows: bool = False


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


_WHOLE = DenseProfile(
    name="fixed",
    windows=False,
    sigmoid_first=False,
    clip_weight=0.0,
    template="a photo of a {}",
    template_mean="unit",
)
CALIBRATED: dict[str, DenseProfile] = {
    # SCLIP's protocol, which SC-CLIP, PEARL and ResCLIP share: 336 pixels, windows of 224 every 112
    "paper": replace(_WHOLE, name="paper", native_windows=True),
    # their CLIP copies resize positions with DINO's offset
    "released": replace(_WHOLE, name="released", native_windows=True, positions="offset"),
    # the whole image as other modes see it: nine windows cost twice the pass, and these modes average over the image
    "fixed": _WHOLE,
}
"""For the modes that have profiles of their own."""


def dense_profile(name: str, *, calibrated: bool = False) -> DenseProfile:
    """A profile by name.

    Args:
        name: of the profile.
        calibrated: of a mode with profiles of its own, else TagAlign's.

    Raises:
        UnknownNameError: listing the known ones.
    """
    known = CALIBRATED if calibrated else PROFILES
    return find_entry("profile", name, known)
