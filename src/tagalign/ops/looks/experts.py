"""FLOSS: for each label the templates that are surest of it on a folder, and their fusion, an expert at a time.

Reference: FLOSS, arXiv:2504.10487.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

ENTROPY_EPSILON = 1e-10
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


def best_of_experts(
    patches: Float[Tensor, "rows cols dim"],
    classifiers: Float[Tensor, "experts labels dim"],
    size: tuple[int, int],
    *,
    scale: float,
) -> tuple[Float[Tensor, "height width"], Int[Tensor, "height width"]]:
    """Probability and label of every pixel after the fusion; cosines are upsampled before every softmax.

    The label of an expert that claims a pixel is its own, so only the best claim is kept. A band of rows and one expert are
    in memory at a time: 150 labels at 512 x 512 pixels take 64 MB and a few copies instead of 24 GB.

    Args:
        patches: any norm.
        classifiers: from ``expert_classifiers``.
        size: of the result.
        scale: of the cosines.
    """
    rows, cols, _ = patches.shape
    vertical, horizontal = (_interpolation(*pair).to(patches) for pair in ((size[0], rows), (size[1], cols)))
    unit, w = F.normalize(patches, dim=-1), classifiers.to(patches)
    step = max(1, BAND_NUMBERS // (len(classifiers) * size[1]))
    bands = [
        _best_of_band(unit, w, vertical[start : start + step], horizontal, scale)
        for start in range(0, size[0], step)
    ]
    scores, labels = zip(*bands, strict=True)
    return torch.cat(scores), torch.cat(labels)


def _best_of_band(
    unit: Float[Tensor, "rows cols dim"],
    classifiers: Float[Tensor, "experts labels dim"],
    vertical: Float[Tensor, "band rows"],
    horizontal: Float[Tensor, "width cols"],
    scale: float,
) -> tuple[Float[Tensor, "band width"], Int[Tensor, "band width"]]:
    shape = (len(vertical), len(horizontal))
    labels = torch.zeros(shape, dtype=torch.long, device=unit.device)
    confidence = unit.new_full(shape, -1.0)
    for label, classifier in enumerate(classifiers):
        logits = scale * (vertical @ torch.einsum("ld,rcd->lrc", classifier, unit) @ horizontal.T)
        top, best = logits.max(dim=0)
        is_average = label == len(classifiers) - 1
        # the average classifier speaks where no expert claims
        heard = confidence < 0 if is_average else best == label
        # the softmax of the pixels that count alone: exponentials are what this costs
        sure = 1 / (logits[:, heard] - top[heard]).exp().sum(dim=0)
        wins = sure > confidence[heard]
        places = heard.nonzero()[wins]
        confidence[places[:, 0], places[:, 1]] = sure[wins]
        labels[places[:, 0], places[:, 1]] = best[heard][wins]
    return confidence, labels


def _interpolation(wanted: int, given: int) -> Float[Tensor, "wanted given"]:
    """Bilinear interpolation of one axis as a matrix: what ``upsample`` does to it."""
    unit = torch.eye(given)[None]
    return F.interpolate(unit, size=wanted, mode="linear", align_corners=False)[0].T
