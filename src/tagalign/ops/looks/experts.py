"""FLOSS: for each label the templates that are surest of it on a folder, and their fusion, an expert at a time.

Reference: FLOSS, arXiv:2504.10487.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

ENTROPY_EPSILON = 1e-10  # added inside the logarithm, as FLOSS's release does
BAND_NUMBERS = 2**24
"""Labels x pixels held at a time: 64 MB in float32, however large the photo."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TemplateSums:
    """How sure each template was of the pixels that it gives to each label.

    Attributes:
        entropy: sums over those pixels, in nats.
        pixels: how many they were.
    """

    entropy: Float[Tensor, "templates labels"]
    pixels: Int[Tensor, "templates labels"]

    def __add__(self, other: "TemplateSums") -> "TemplateSums":
        """Of the photos of both."""
        return TemplateSums(entropy=self.entropy + other.entropy, pixels=self.pixels + other.pixels)

    def means(self) -> Float[Tensor, "templates labels"]:
        """Mean entropy; 0 where there is no pixel."""
        return self.entropy / self.pixels.clamp_min(1)


def template_sums(
    probs: Float[Tensor, "labels pixels"],
) -> tuple[Float[Tensor, " labels"], Int[Tensor, " labels"]]:
    """Sum of entropies and number of the pixels that one template gives to each label, in float64."""
    count = len(probs)
    labels = probs.argmax(dim=0)
    entropy = -(probs * (probs + ENTROPY_EPSILON).log()).sum(dim=0).double()
    sums = torch.zeros(count, dtype=torch.float64).index_add_(0, labels.cpu(), entropy.cpu())
    return sums, labels.cpu().bincount(minlength=count)


def rank_templates(sums: TemplateSums) -> Int[Tensor, "labels templates"]:
    """Templates of each label by mean entropy, the surest first; those without pixels stand first with 0 (released)."""
    return sums.means().argsort(dim=0, stable=True).T


def choose_experts(sums: TemplateSums, *, top: int, least_pixels: int = 1) -> list[tuple[int, ...]]:
    """The ``top`` surest templates of each label, best first, among those with enough pixels; none for a label without.

    Args:
        sums: of a folder.
        top: most templates of a label.
        least_pixels: that a template must have given to the label to count.
    """
    ranking = rank_templates(sums)
    return [
        tuple(int(t) for t in order if sums.pixels[t, label] >= max(1, least_pixels))[:top]
        for label, order in enumerate(ranking)
    ]


def expert_classifiers(
    text: Float[Tensor, "templates labels dim"], experts: list[tuple[int, ...]], *, renormalise: bool
) -> Float[Tensor, "experts labels dim"]:
    """The classifier of each label's experts for all labels, and last the average over all templates.

    A label without experts gets the average classifier.

    Args:
        text: any norm.
        experts: templates of each label.
        renormalise: to unit length after the mean; the MaskCLIP path of the release does not.
    """
    unit = F.normalize(text, dim=-1)
    means = [unit[list(chosen)].mean(dim=0) if chosen else unit.mean(dim=0) for chosen in experts]
    classifiers = torch.stack([*means, unit.mean(dim=0)])
    return F.normalize(classifiers, dim=-1) if renormalise else classifiers


def fuse_experts(
    probs: Float[Tensor, "experts labels height width"],
) -> Float[Tensor, "labels height width"]:
    """The probabilities of the surest expert that claims a pixel, else of the average.

    Expert c claims a pixel that it gives to label c; of several the one with the highest probability speaks, the first of
    equals. All at once: ``best_of_experts`` holds one expert at a time.

    Args:
        probs: of each label's expert; the average classifier last.
    """
    count = len(probs) - 1
    own = torch.stack([torch.where(probs[c].argmax(dim=0) == c, probs[c, c], -1.0) for c in range(count)])
    confidence, speaker = own.max(dim=0)
    speaker = torch.where(confidence >= 0, speaker, count)
    return torch.stack([probs[:, label].gather(0, speaker[None])[0] for label in range(count)])


@dataclass(frozen=True, kw_only=True, eq=False)
class Corners:
    """Bilinear interpolation of a grid of patches (``ops.windows.upsample``), pixel by pixel.

    Attributes:
        grid: rows and columns of patches.
        places: the four patches around each pixel.
        shares: of each of them; they sum to 1.
    """

    grid: tuple[int, int]
    places: Int[Tensor, "4 pixels"]
    shares: Float[Tensor, "4 pixels"]

    @classmethod
    def between(cls, grid: tuple[int, int], size: tuple[int, int]) -> "Corners":
        """From a grid to a size in pixels."""
        (top, bottom, down), (left, right, across) = (_axis(*pair) for pair in zip(grid, size, strict=True))
        rows, cols = torch.stack([top, top, bottom, bottom]), torch.stack([left, right, left, right])
        down, across = torch.stack([1 - down, down]), torch.stack([1 - across, across])
        shares = down[[0, 0, 1, 1]][:, :, None] * across[[0, 1, 0, 1]][:, None, :]
        places = rows[:, :, None] * grid[1] + cols[:, None, :]
        return cls(grid=grid, places=places.flatten(1), shares=shares.flatten(1))

    def at(
        self, maps: Float[Tensor, "labels patches"], pixels: Int[Tensor, " some"]
    ) -> Float[Tensor, "labels some"]:
        """Interpolated values at some pixels."""
        parts = (
            maps[:, place[pixels]] * share[pixels].to(maps)
            for place, share in zip(self.places, self.shares, strict=True)
        )
        return sum(parts, maps.new_zeros(()))

    def not_beaten(self, maps: Float[Tensor, "labels patches"], label: int) -> Int[Tensor, " some"]:
        """Pixels that a label can be the best at: no label of the corners beats it at all four of them.

        What is beaten at every corner is beaten between them. Most pixels of a photo lie inside of a region of another
        label, so an expert has to be heard at a small part of them.
        """
        own, best = maps[label], maps.argmax(dim=0)
        cells = self.cells()
        beaten = torch.zeros_like(cells[0], dtype=torch.bool)
        for rival in best[cells]:
            beaten |= (maps[rival, cells] > own[cells]).all(dim=0)
        return (~beaten[self.places[0]]).nonzero()[:, 0]

    def cells(self) -> Int[Tensor, "4 patches"]:
        """The four corners of the cell that begins at each patch: pixels between the same patches share one."""
        rows, cols = self.grid
        down, across = torch.arange(rows), torch.arange(cols)
        pairs = [
            (y, x)
            for y in (down, (down + 1).clamp(max=rows - 1))
            for x in (across, (across + 1).clamp(max=cols - 1))
        ]
        return torch.stack([(y[:, None] * cols + x).flatten() for y, x in pairs])


def _axis(
    given: int, wanted: int
) -> tuple[Int[Tensor, " wanted"], Int[Tensor, " wanted"], Float[Tensor, " wanted"]]:
    """Neighbours before and behind of each place, and the share of the latter; ``align_corners=False``."""
    place = ((torch.arange(wanted) + 0.5) * given / wanted - 0.5).clamp(min=0)
    before = place.long().clamp(max=given - 1)
    return before, (before + 1).clamp(max=given - 1), place - before


def best_of_experts(
    patches: Float[Tensor, "rows cols dim"],
    classifiers: Float[Tensor, "experts labels dim"],
    size: tuple[int, int],
    *,
    scale: float,
) -> tuple[Float[Tensor, "height width"], Int[Tensor, "height width"]]:
    """Probability and label of every pixel after the fusion; cosines are upsampled before every softmax.

    The label of an expert that claims a pixel is its own, so only the best claim is kept. One expert and a bounded number
    of pixels are in memory at a time: 150 labels at 512 x 512 pixels take 64 MB and a few copies instead of 24 GB.

    Args:
        patches: any norm.
        classifiers: from ``expert_classifiers``.
        size: of the result.
        scale: of the cosines.
    """
    unit = F.normalize(patches, dim=-1).flatten(0, 1)
    corners = Corners.between((patches.shape[0], patches.shape[1]), size)
    confidence = unit.new_full((size[0] * size[1],), -1.0)
    labels = torch.zeros(len(confidence), dtype=torch.long)
    for label, classifier in enumerate(classifiers):
        logits = scale * classifier.to(unit) @ unit.T
        is_average = label == len(classifiers) - 1
        # the average classifier speaks where no expert claims
        heard = (confidence < 0).nonzero()[:, 0] if is_average else corners.not_beaten(logits, label)
        for pixels in heard.split(max(1, BAND_NUMBERS // logits.shape[0])):
            best, sure = _softmax_best(corners.at(logits, pixels))
            wins = (sure > confidence[pixels]) & (is_average | (best == label))
            confidence[pixels[wins]], labels[pixels[wins]] = sure[wins], best[wins]
    return confidence.reshape(size), labels.reshape(size)


def _softmax_best(
    logits: Float[Tensor, "labels some"],
) -> tuple[Int[Tensor, " some"], Float[Tensor, " some"]]:
    """The best label and its probability."""
    top, best = logits.max(dim=0)
    return best, 1 / (logits - top).exp().sum(dim=0)
