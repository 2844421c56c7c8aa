"""The losses of a step, and what pictures are made into before: mosaics of two."""

import torch
from model import PATCH, Trainee
from plan import Phase
from torch import Tensor
from torch.nn import functional as F

from tagalign.data.tiny_world import SIZE

FOCUS = 10.0  # how sharply a text looks for its patches: softmax over patches of FOCUS times their cosine
MAX_SCALE = 100.0


def contrast(cosine: Tensor, log_scale: Tensor, fits: Tensor) -> Tensor:
    """Contrastive loss in both directions; all texts that fit a picture share its probability, and the other way round."""
    logits = log_scale.exp().clamp(max=MAX_SCALE) * cosine
    texts = F.cross_entropy(logits, fits / fits.sum(1, keepdim=True))
    return (texts + F.cross_entropy(logits.T, fits.T / fits.sum(0)[:, None])) / 2


def mean_cosine(patches: Tensor, text: Tensor) -> Tensor:
    """Cosine of the mean of every picture's patches with every text."""
    return F.normalize(patches.mean(1), dim=-1) @ text.T


def found_cosine(patches: Tensor, text: Tensor, where: Tensor) -> Tensor:
    """Cosine of the patches that a text finds in a part of a picture: pictures x texts.

    `where` is 1 for patches of the part and 0 elsewhere.
    """
    each = F.normalize(patches, dim=-1) @ text.T  # (pictures, patches, texts)
    outside = (where[..., None] - 1) * 1e4
    return ((FOCUS * each + outside).softmax(1) * each).sum(1)


def glue(pixels: Tensor, plain: float, rng: torch.Generator) -> tuple[Tensor, Tensor, int]:
    """Two pictures in one, cut along a row or a column of patches: mosaics, 1 where a patch is the picture's own, shift.

    The other part comes from the picture `shift` places further on. A share `plain` of the pictures stays whole.
    """
    rows = SIZE // PATCH
    count = len(pixels)
    shift = int(torch.randint(1, count, (), generator=rng))
    cut = torch.randint(3, rows - 2, (count, 1), generator=rng)
    before = (torch.arange(rows)[None] < cut) ^ (torch.rand(count, 1, generator=rng) < 0.5)
    own = before[:, :, None].expand(-1, rows, rows)
    own = torch.where(torch.rand(count, 1, 1, generator=rng) < 0.5, own, own.transpose(1, 2))
    own = own | (torch.rand(count, 1, 1, generator=rng) < plain)
    fine = own.repeat_interleave(PATCH, 1).repeat_interleave(PATCH, 2)[:, None]
    return torch.where(fine, pixels, pixels.roll(-shift, 0)), own.flatten(1).float(), shift


def step_losses(
    trainee: Trainee,
    image: Tensor,
    patches: Tensor,
    text: Tensor,
    where: Tensor,
    fits: Tensor,
    fits_other: Tensor,
    phase: Phase,
) -> list[Tensor]:
    """The losses of the class token and of the second head.

    `fits` says which texts belong to a picture, `fits_other` which to the one that was glued to it.
    """
    text = F.normalize(text, dim=-1)
    image_cosine, scale = F.normalize(image, dim=-1) @ text.T, trainee.clip.logit_scale
    glued = where.min(1).values < 1
    if phase.patch_head is None:
        return [contrast(image_cosine, scale, (fits + fits_other * glued[:, None]).clamp(max=1))]
    if phase.patch_head == "mean":
        parts = contrast(mean_cosine(patches, text), trainee.pooled_scale, fits)
        return [contrast(image_cosine, scale, fits), parts]
    cosine = torch.cat(
        [found_cosine(patches, text, where), found_cosine(patches[glued], text, 1 - where[glued])]
    )
    parts = contrast(cosine, trainee.pooled_scale, torch.cat([fits, fits_other[glued]]))
    return [contrast(image_cosine, scale, (fits + fits_other * glued[:, None]).clamp(max=1)), parts]


def same(one: Tensor, other: Tensor) -> Tensor:
    """1 where two texts are equal: len(one) x len(other)."""
    return (one[:, None] == other[None]).all(-1).float()
