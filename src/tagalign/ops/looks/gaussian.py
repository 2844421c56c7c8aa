"""PIAA's classifier: one Gaussian per label over patches of an unlabelled folder, with a covariance that all share.

``u(x) = x / |x|``. Labels fit their surest patches first (``bank``), then those that the first fit is surest of.
Reference: PIAA, arXiv:2605.25821.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from tagalign.ops.looks.second_choice import SecondChoice

KEPT_SHARE = 0.16
"""What mean + deviation keeps of a normal distribution."""
KEPT_LEAST = 5
"""Patches of a label that are kept at least, where it has them."""


@dataclass(frozen=True, kw_only=True, eq=False)
class GaussianFit:
    """A linear classifier of patches.

    Attributes:
        means: of each label; its text embedding where it has no patch.
        precision: inverse of the shared, shrunken covariance.
        weights: ``logits = x @ weights + bias``.
        bias: likewise.
        counts: patches of each label; 0 for a dead one.
    """

    means: Float[Tensor, "labels dim"]
    precision: Float[Tensor, "dim dim"]
    weights: Float[Tensor, "dim labels"]
    bias: Float[Tensor, " labels"]
    counts: Int[Tensor, " labels"]

    def logits(self, patches: Float[Tensor, "*rows dim"]) -> Float[Tensor, "*rows labels"]:
        """``x @ weights + bias`` of unit patches."""
        return patches @ self.weights.to(patches) + self.bias.to(patches)


def fit_gaussians(
    patches: Float[Tensor, "rows dim"],
    labels: Int[Tensor, " rows"],
    weights: Float[Tensor, " rows"],
    text: Float[Tensor, "labels dim"],
) -> GaussianFit:
    """Means by weight, and the precision of what is left of the patches without their means.

    ``mu_c = sum q x / sum q``, not normalised; rows centred by their label's mean, d their difference from the common mean;
    ``S = d'd``, ``Precision = D (S + tr(S)/(M-1) I)^-1``, ``W = (mu Precision)'``,
    ``b_c = ln(1/C) - mu_c' Precision mu_c / 2``.

    Args:
        patches: unit length.
        labels: of the patches.
        weights: q of the patches, above 0.
        text: unit-length embedding of each label.

    Returns:
        In float64.

    Raises:
        ValueError: for fewer than two patches, or patches that are all alike: there is no covariance.
    """
    if len(patches) < 2:
        raise ValueError(f"expected at least 2 patches to fit, got {len(patches)}")
    x, q, t = patches.double(), weights.double(), text.double()
    count = len(t)
    mass = torch.zeros(count, dtype=torch.float64).index_add_(0, labels, q)
    sums = torch.zeros(count, x.shape[1], dtype=torch.float64).index_add_(0, labels, x * q[:, None])
    is_alive = mass > 0
    means = torch.where(is_alive[:, None], sums / torch.where(is_alive, mass, 1.0)[:, None], t)
    centred = x - means[labels]
    centred = centred - centred.mean(dim=0)
    precision = _precision(centred.T @ centred, len(x))
    projected = means @ precision
    bias = -math.log(count) - (projected * means).sum(dim=1) / 2
    return GaussianFit(
        means=means,
        precision=precision,
        weights=projected.T,
        bias=bias,
        counts=labels.bincount(minlength=count),
    )


def _precision(scatter: Float[Tensor, "dim dim"], rows: int) -> Float[Tensor, "dim dim"]:
    dim, trace = len(scatter), float(scatter.trace())
    if trace <= 0:
        raise ValueError("the patches are all alike: nothing can be learned from them")
    shrunken = scatter + trace / (rows - 1) * torch.eye(dim, dtype=scatter.dtype)
    # Cholesky instead of the release's pseudo-inverse: they agree to 2e-6, and it takes a tenth of the time
    return dim * torch.cholesky_inverse(torch.linalg.cholesky(shrunken))


def second_choice(
    logits: Float[Tensor, "rows labels"], *, by: SecondChoice, temperature: float = 1.0
) -> tuple[Bool[Tensor, " rows"], Int[Tensor, " rows"], Float[Tensor, " rows"]]:
    """Which patches of the bank the second fit uses.

    Args:
        logits: of the first fit.
        by: see ``SecondChoice``. By ``deviation`` probabilities saturate at high temperatures: a label is then kept whole or
            loses all its patches, as the rounding of float32 decides; by ``rank`` no label that has patches is lost.
        temperature: a factor of the logits, for ``deviation``.

    Returns:
        Whether each patch is kept, its label, and its weight in the fit.
    """
    if by == "rank":
        best, own = logits.topk(min(2, logits.shape[1]), dim=1)
        margin = best[:, 0] - (best[:, 1] if logits.shape[1] > 1 else 0)
        return _largest_margins(margin, own[:, 0]), own[:, 0], torch.ones_like(margin)
    probs = (temperature * logits.float()).softmax(dim=1)  # float32 as released: its saturation decides
    sure, own = probs.max(dim=1).values, logits.argmax(dim=1)
    kept = torch.zeros(len(sure), dtype=torch.bool)
    for label in own.unique():
        of_label = own == label
        # a label of one patch has no deviation: NaN keeps none
        edge = (
            sure[of_label].mean() + sure[of_label].std()
            if int(of_label.sum()) > 1
            else torch.tensor(torch.nan)
        )
        kept |= of_label & (sure >= edge)
    return kept, probs.argmax(dim=1), sure


def _largest_margins(margin: Float[Tensor, " rows"], own: Int[Tensor, " rows"]) -> Bool[Tensor, " rows"]:
    kept = torch.zeros(len(margin), dtype=torch.bool)
    for label in own.unique():
        places = (own == label).nonzero()[:, 0]
        wanted = min(len(places), max(KEPT_LEAST, round(KEPT_SHARE * len(places))))
        kept[places[margin[places].argsort(descending=True, stable=True)[:wanted]]] = True
    return kept


def patch_maxima(
    logits: Float[Tensor, "*photos patches labels"], *, divisor: float
) -> Float[Tensor, "*photos labels"]:
    """``max over patches of softmax_labels(logits / divisor)``."""
    return (logits / divisor).softmax(dim=-1).amax(dim=-2)


def photo_scores(
    patch_scores: Float[Tensor, "*photos labels"],
    class_scores: Float[Tensor, "*photos labels"],
    *,
    class_weight: float,
) -> Float[Tensor, "*photos labels"]:
    """``class_weight * class token + (1 - class_weight) * patches``, both after their softmax."""
    return class_weight * class_scores + (1 - class_weight) * patch_scores
