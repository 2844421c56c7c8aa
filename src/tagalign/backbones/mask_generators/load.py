"""The table of mask generators, and the door to them."""

import torch

from tagalign.backbones.mask_generators.panoptic import PanopticGenerator
from tagalign.backbones.mask_generators.points import PointGenerator
from tagalign.backbones.vision_only import load_vision_only
from tagalign.errors import InputError

POINTS = {"sam": "SamModel", "sam2": "Sam2Model", "sam2_video": "Sam2Model"}
PANOPTIC = {
    "mask2former": "Mask2FormerForUniversalSegmentation",
    "maskformer": "MaskFormerForInstanceSegmentation",
    "eomt": "EomtForUniversalSegmentation",
}
POINTS_PER_SIDE = 8
"""CorrCLIP's live setting; its paper's rows, like SAM, take 32, which costs sixteen times as much."""


def load_mask_generator(
    name: str, *, device: torch.device | str = "auto", points_per_side: int | None = None
) -> PointGenerator | PanopticGenerator:
    """A mask generator by name.

    Args:
        name: a folder or a hub id of a SAM, SAM 2, Mask2Former, MaskFormer or EoMT.
        device: ``auto`` is CUDA where there is one.
        points_per_side: of the grid of points that a SAM is asked at; 8 by default.

    Raises:
        InputError: for points that a panoptic model has no use for, or none.
        ModelError: for another kind of model, or one that cannot be loaded.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    found = load_vision_only(name, POINTS | PANOPTIC, what="a mask generator", device=device)
    if found.kind in PANOPTIC:
        if points_per_side is not None:
            raise InputError(f"points_per_side: a {found.kind} is not asked at points; leave it out")
        return PanopticGenerator(found)
    return PointGenerator(found, points_per_side=points_per_side or POINTS_PER_SIDE)
