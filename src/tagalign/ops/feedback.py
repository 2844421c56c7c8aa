"""ResCLIP's semantic feedback: a first label map tells the last attention which patches belong together.

Labels are those of the patch grid; maps have one row and column per patch, row by row from the top left, row = start.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from scipy import ndimage
from torch import Tensor

from tagalign.ops.refine.pamr import pamr

LabelGrid = Int[Tensor, "rows cols"]
PatchPairs = Bool[Tensor, "patches patches"]

BLUR_SIGMA = 5.0  # ResCLIP, arXiv:2411.15851, released
BLUR_TAPS = 31  # likewise
SUM_FLOOR = 1e-8
SCALE = 40.0
# of the first prediction alone: the paper's "without PAMR" is true of its final maps
PAMR_STEPS = 10
PAMR_DILATIONS = (8, 16)


def _steps_apart(grid: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Row and column of every patch, and ``max(|dy|, |dx|)`` of all pairs."""
    rows, cols = grid
    places = torch.stack(
        torch.meshgrid(torch.arange(rows), torch.arange(cols), indexing="ij"), dim=-1
    ).flatten(0, 1)
    return places, (places[:, None] - places[None]).abs().amax(dim=-1)


def line_pairs(labels: LabelGrid) -> PatchPairs:
    """Pairs between which the release finds one label on a straight line; not symmetric.

    For ``k = 0 .. n``, n the larger of both distances, the cell ``round(i (1 - k / M) + j k / M)`` must have the label of
    i, with M = max(rows, cols) - 1. So only the first n / M of the line is looked at, and near pairs are hardly tested.
    Shares, products and sums are float32 and round half to even, as released: half a cell is common. One step of the
    line at a time, because all of them together hold 0.7 GB for 784 patches.
    """
    rows, cols = labels.shape
    places, apart = _steps_apart((rows, cols))
    longest = max(rows, cols) - 1
    flat = labels.flatten().cpu()
    same = torch.ones(len(flat), len(flat), dtype=torch.bool)
    shares = torch.linspace(0, 1, longest + 1)
    start, end = places[:, None].float(), places[None].float()
    for k, share in enumerate(shares):
        cells = torch.round(start * (1 - share) + end * share).long()
        met = flat[cells[..., 0] * cols + cells[..., 1]] == flat[:, None]
        same &= met | (apart < k)
    return same.to(labels.device)


def component_pairs(labels: LabelGrid) -> PatchPairs:
    """Pairs of one label in one 8-connected component: the paper's valid path."""
    numbers = torch.zeros_like(labels, device="cpu")
    found = 0
    for label in labels.unique().tolist():
        parts, count = ndimage.label((labels == label).cpu().numpy(), structure=[[1] * 3] * 3)
        mine = torch.from_numpy(parts).long()
        numbers = torch.where(mine > 0, mine + found, numbers)
        found += count
    flat = numbers.flatten()
    return (flat[:, None] == flat[None]).to(labels.device)


def every_pair(labels: LabelGrid) -> PatchPairs:
    """All pairs: nothing decays."""
    return torch.ones(labels.numel(), labels.numel(), dtype=torch.bool, device=labels.device)


PATHS = {"line": line_pairs, "component": component_pairs, "none": every_pair}


def feedback_map(
    labels: LabelGrid, valid: PatchPairs, *, sigma: float = BLUR_SIGMA
) -> Float[Tensor, "patches patches"]:
    """How much every patch should see every other, given their labels; rows sum to 1.

    ``S_ij = [m_i = m_j] (1 if valid else exp(-n_ij / M))``, blurred along each row with a Gaussian of the flattened patch
    index (it runs over the ends of grid rows, as released), divided by the row's sum.

    Args:
        labels: of the patches; equal numbers are equal labels.
        valid: pairs without decay, of ``PATHS``.
        sigma: of the blur, in patches.

    Reference:
        ResCLIP, arXiv:2411.15851, semantic feedback refinement.
    """
    flat = labels.flatten()
    same = (flat[:, None] == flat[None]).float()
    _, apart = _steps_apart((labels.shape[0], labels.shape[1]))
    longest = max(*labels.shape, 2) - 1  # one patch is no step from itself
    same = torch.where(valid, same, same * torch.exp(-apart.to(same) / longest))
    blurred = _blur_rows(same, sigma)
    return blurred / (blurred.sum(dim=1, keepdim=True) + SUM_FLOOR)


def _blur_rows(maps: Tensor, sigma: float) -> Tensor:
    taps = min(maps.shape[1], BLUR_TAPS)
    # odd, so that the blur has a middle tap: as released, also where fewer than 31 patches are there
    taps += 1 - taps % 2
    offsets = torch.arange(taps, device=maps.device) - taps // 2
    kernel = torch.exp(-(offsets**2) / (2 * sigma**2))
    return F.conv1d(maps[:, None], (kernel / kernel.sum())[None, None], padding=taps // 2)[:, 0]


def first_map(
    cosines: Float[Tensor, "names rows cols"],
    pixels: Float[Tensor, "3 height width"],
    *,
    scale: float = SCALE,
) -> Float[Tensor, "names height width"]:
    """Probabilities of the first prediction: cosines at pixel size, refined by PAMR, softmax of ``scale`` times them.

    Args:
        cosines: of every name, on the patch grid.
        pixels: the normalised picture, or its window.
        scale: of the cosines.
    """
    maps = F.interpolate(cosines[None], size=pixels.shape[1:], mode="bilinear", align_corners=False)
    refined = pamr(pixels[None].to(maps), maps, num_iterations=PAMR_STEPS, dilations=PAMR_DILATIONS)
    return (scale * refined[0]).softmax(dim=0)


def pixel_labels(
    probs: Float[Tensor, "names height width"], *, threshold: float, unsure: int
) -> Int[Tensor, "height width"]:
    """The best name of every pixel, and ``unsure`` where its probability is below ``threshold``."""
    best, names = probs.max(dim=0)
    return torch.where(best < threshold, unsure, names)


def score_bias(
    feedback: Float[Tensor, "patches patches"], *, weight: float, halves: bool
) -> Float[Tensor, "patches patches"]:
    """``weight`` times the map over its largest entry; rounded to half precision twice where the release does."""
    share = feedback / feedback.max().clamp_min(SUM_FLOOR)
    if halves:
        return (weight * share.half()).half().to(feedback)
    return weight * share


def patch_labels(pixel_labels: Int[Tensor, "height width"], grid: tuple[int, int], patch: int) -> LabelGrid:
    """The most frequent label of the pixels of each patch, the smallest among equals; leftover pixels do not count."""
    rows, cols = grid
    inside = pixel_labels[: rows * patch, : cols * patch]
    cells = inside.unflatten(0, (rows, patch)).unflatten(2, (cols, patch)).transpose(1, 2).flatten(2)
    votes = F.one_hot(cells).sum(dim=2) if cells.numel() else cells
    return votes.argmax(dim=-1)
