"""Patches averaged over patches that look alike, and attention made of likeness: the parts of SC-CLIP."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

Square = Float[Tensor, "batch patches patches"]
PatchEmbeds = Float[Tensor, "batch patches dim"]

CUT = 0.4  # SC-CLIP, arXiv:2411.15869, released: likeness below counts as none
SHARPNESS = 3.0  # likewise
SUM_FLOOR = 1e-6


def cosines(rows: PatchEmbeds) -> Square:
    """Cosine of all pairs of rows; a zero row is unlike all, itself too."""
    unit = F.normalize(rows, dim=-1)
    return unit @ unit.transpose(1, 2)


def alike_weights(likeness: Square, *, cut: float = CUT) -> Square:
    """``likeness`` where it is at least ``cut``, else 0; rows divided by their sum, which is 0 for a row without any."""
    kept = torch.where(likeness < cut, 0, likeness)
    return kept / (kept.sum(dim=-1, keepdim=True) + SUM_FLOOR)


def likeness_attention(likeness: Square, *, sharpness: float = SHARPNESS) -> Square:
    """``softmax(sharpness (likeness - mean))`` over the entries that are at least the mean of the whole map.

    A patch always sees itself: its likeness of 1 is above every mean, but where all patches are equal rounding may say
    otherwise, and a row without any entry would be NaN.
    """
    above = sharpness * (likeness - likeness.mean(dim=(1, 2), keepdim=True))
    hidden = above.masked_fill(above < 0, -torch.inf)
    diagonal = torch.eye(above.shape[-1], dtype=torch.bool, device=above.device)
    return torch.where(diagonal, above.clamp_min(0), hidden).softmax(dim=-1)
