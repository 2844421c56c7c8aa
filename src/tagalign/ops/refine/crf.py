"""Mean-field inference of a fully connected CRF with two Gaussian kernels: nearness, and nearness in place and colour."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from tagalign.ops.permutohedral import Lattice, build_lattice
from tagalign.ops.refine import REFINEMENTS, RefinementEntry
from tagalign.ops.refinement import LabelMaps, RefinementInput

SCORE_FLOOR = 1e-5
"""Scores below count as this much: the logarithm stays finite."""

SMOOTH_REACH = 4
"""The spatial kernel is cut at four standard deviations, where it is 3e-4 of its peak."""

FILTER_BUDGET = 2**24
"""Pixels x maps filtered at a time: 64 MB in float32, whatever the number of labels."""

MAX_PIXELS = 640_000
"""Larger photos are refined at this many pixels: the lattice holds up to six vertices per pixel and label."""


def mean_field(
    image: Float[Tensor, "batch 3 height width"],
    scores: Float[Tensor, "batch labels height width"],
    *,
    num_iterations: int = 10,
    spatial_std: float = 1.0,
    spatial_weight: float = 3.0,
    colour_place_std: float = 67.0,
    colour_std: float = 3.0,
    colour_weight: float = 4.0,
) -> Float[Tensor, "batch labels height width"]:
    """Smooth scores along the edges of the image.

    ``Q <- softmax(log(scores) + w1 K1 Q + w2 K2 Q)``, starting from ``softmax(log(scores))``, with
    ``K1 = exp(-|p - q|^2 / (2 spatial_std^2))`` and
    ``K2 = exp(-|p - q|^2 / (2 colour_place_std^2) - |x_p - x_q|^2 / (2 colour_std^2))``, each made nearly row-stochastic by
    ``D^-1/2 K D^-1/2`` with ``D = diag(K 1)``; labels pay for being different (Potts).

    What is exact: the update, the normalisation and K1 up to a cut at four standard deviations. What is approximated: K2, on
    the permutohedral lattice, as in every common implementation. As there, a pixel also sends itself a message.

    Args:
        image: colours in [0, 255].
        scores: of every label at every pixel, at least 0; need not sum to 1. Values below 1e-5 count as 1e-5.
        num_iterations: 0 gives the normalised scores.
        spatial_std: pixels. Defaults of all five are those of CLIP-ES.
        spatial_weight: w1.
        colour_place_std: pixels.
        colour_std: in units of the colours.
        colour_weight: w2.

    Returns:
        Probabilities of the labels; they sum to 1 at every pixel.

    Reference:
        Kraehenbuehl and Koltun, Efficient Inference in Fully Connected CRFs with Gaussian Edge Potentials, NeurIPS 2011.
    """
    logits = scores.float().clamp_min(SCORE_FLOOR).log()
    lattice = _colour_lattice(image, colour_place_std, colour_std)
    ones = torch.ones_like(logits[:, :1])
    near = _spatial(ones, spatial_std).rsqrt()
    alike = _on_lattice(ones, lattice).clamp_min(torch.finfo(torch.float32).tiny).rsqrt()
    probs = logits.softmax(dim=1)
    step = max(1, FILTER_BUDGET // logits[:, 0].numel())
    for _ in range(num_iterations):
        message = torch.empty_like(probs)
        # maps are filtered each by itself; all at once would hold several copies of 171 of them
        for start in range(0, probs.shape[1], step):
            some = probs[:, start : start + step]
            part = spatial_weight * near * _spatial(near * some, spatial_std)
            part += colour_weight * alike * _on_lattice(alike * some, lattice)
            message[:, start : start + step] = part
        probs = message.add_(logits).softmax(dim=1)
    return probs


def _spatial(x: Tensor, std: float) -> Tensor:
    """Separable Gaussian, not normalised, nothing beyond the border."""
    reach = max(1, round(SMOOTH_REACH * std))
    taps = torch.arange(-reach, reach + 1, device=x.device, dtype=x.dtype)
    kernel = torch.exp(-(taps**2) / (2 * std**2))
    flat = x.flatten(0, 1)[:, None]
    flat = F.conv2d(flat, kernel[None, None, :, None], padding=(reach, 0))
    return F.conv2d(flat, kernel[None, None, None], padding=(0, reach))[:, 0].unflatten(0, x.shape[:2])


def _colour_lattice(image: Tensor, place_std: float, colour_std: float) -> Lattice:
    batch, _, height, width = image.shape
    rows, cols = torch.meshgrid(
        torch.arange(height, device=image.device), torch.arange(width, device=image.device), indexing="ij"
    )
    place = torch.stack([cols, rows]).float().expand(batch, -1, -1, -1) / place_std
    features = torch.cat([place, image.float() / colour_std], dim=1)
    owners = torch.arange(batch, device=image.device).repeat_interleave(height * width)
    return build_lattice(features.flatten(2).transpose(1, 2).flatten(0, 1), owners)


def _on_lattice(x: Tensor, lattice: Lattice) -> Tensor:
    points = x.flatten(2).transpose(1, 2).flatten(0, 1).contiguous()
    mixed = lattice.filter(points)
    return mixed.unflatten(0, (len(x), -1)).transpose(1, 2).unflatten(2, x.shape[2:])


def crf_on_photo(
    photo: Image.Image, scores: Float[Tensor, "labels height width"], *, max_pixels: int = MAX_PIXELS
) -> Float[Tensor, "labels height width"]:
    """``mean_field`` on the colours of a photo; above ``max_pixels`` at a smaller size, then resized back (bilinear).

    Args:
        photo: upright RGB, of the size of the scores or not.
        scores: at the size that is wanted.
        max_pixels: at most so many are refined.
    """
    height, width = scores.shape[1:]
    scale = min(1.0, (max_pixels / (height * width)) ** 0.5)
    small = (max(1, round(height * scale)), max(1, round(width * scale)))
    colours = photo.convert("RGB").resize(small[::-1], Image.Resampling.BILINEAR)
    image = torch.from_numpy(np.array(colours)).permute(2, 0, 1)[None].float().to(scores.device)
    work = scores[None].float()
    if small != (height, width):
        work = F.interpolate(work, size=small, mode="bilinear", align_corners=False)
    refined = mean_field(image, work)
    if small != (height, width):
        refined = F.interpolate(refined, size=(height, width), mode="bilinear", align_corners=False)
    return refined[0]


@dataclass(frozen=True, kw_only=True)
class Crf:
    """``crf_on_photo`` at the working size: ten filterings of all maps."""

    def __call__(self, scene: RefinementInput) -> LabelMaps:
        """See ``Refinement``."""
        return crf_on_photo(scene.photo(scene.work_size), scene.maps(scene.work_size))


REFINEMENTS.add(
    "crf",
    RefinementEntry(
        kind=Crf,
        summary="a fully connected CRF on place and colour, by mean field",
        source="Kraehenbuehl and Koltun, arXiv:1210.5644, constants of CLIP-ES",
    ),
)
