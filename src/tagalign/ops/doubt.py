"""How sure an answer is, as numbers by which photos are ordered for a person: margins, entropies, disagreement.

Two kinds of numbers: *margins* are high where the answer is sure, all others where it is not.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

SHARPNESS = 2.0
"""How fast errors become rare away from the threshold; chosen on validation scenes: docs/results/queue.md."""


def choice_margin(scores: Float[Tensor, " labels"], chosen: Bool[Tensor, " labels"]) -> float:
    """How clear the choice was: ``min over chosen of s - max over the others of s``.

    Args:
        scores: s, in [0, 1].
        chosen: the labels that were chosen.

    Returns:
        In [-1, 1]: 0 where nothing was chosen, the lowest score where everything was. With groups or a threshold per
        label it can be negative.

    Reference:
        Margin sampling: Scheffer, Decomain and Wrobel, Active hidden Markov models for information extraction, IDA 2001;
        here between the chosen and the other labels, because several can be right.
    """
    if not chosen.any():
        return 0.0
    highest = 0.0 if chosen.all() else float(scores[~chosen].max())
    return float(scores[chosen].min()) - highest


def label_entropy(scores: Float[Tensor, " labels"]) -> float:
    """Entropy of the scores as shares of their sum: ``-sum_t p_t ln p_t, p = s / sum s``.

    Args:
        scores: s, at least 0.

    Returns:
        In nats, from 0 (one label has it all) to ``ln labels`` (all alike, also where all are 0); 0 without labels.

    Reference:
        Entropy sampling: Settles, Active learning literature survey, University of Wisconsin 1648 (2009), section 3.1.
    """
    total = float(scores.sum())
    if total <= 0:
        scores, total = torch.ones_like(scores), float(len(scores))
    return float(torch.special.entr(scores / total).sum()) if len(scores) else 0.0


def expected_errors(
    scores: Float[Tensor, "answers labels"],
    thresholds: Float[Tensor, "answers labels"],
    chosen: Bool[Tensor, " labels"],
    *,
    sharpness: float = SHARPNESS,
) -> float:
    """How many labels are likely to be wrong: ``sum_t mean_a sigmoid(-k y_t (logit s_at - logit h_at))``.

    A label at its threshold counts a half, one far on the side of the choice nearly nothing, one that another answer puts
    far on the other side nearly a half (of two answers). A photo with several doubtful labels counts each of them.

    Args:
        scores: s, in [0, 1], of the answer in question, and of others to the same photo.
        thresholds: h, from which score on a label is chosen, in [0, 1].
        chosen: y, +1 where the answer in question chose the label, else -1.
        sharpness: k, > 0.

    Returns:
        From 0 to the number of labels.

    Raises:
        ValueError: if ``sharpness`` is not positive.

    Reference:
        Least confidence, summed over the decisions of a photo, and query by committee with its mean vote: Settles (2009),
        sections 3.1 and 3.2. Sigmoid and sharpness are ours.
    """
    if sharpness <= 0:
        raise ValueError(f"sharpness must be positive, got {sharpness}")
    # scores of 0 and 1 are rounded numbers, not certainties
    distance = torch.logit(scores.double(), eps=1e-4) - torch.logit(thresholds.double(), eps=1e-3)
    sign = torch.where(chosen, 1.0, -1.0)
    return float(torch.sigmoid(-sharpness * sign * distance).mean(dim=0).sum())


def expected_errors_in_folder(
    scores: Float[Tensor, "answers photos labels"],
    chosen: Bool[Tensor, "photos labels"],
    *,
    sharpness: float = SHARPNESS,
) -> Float[Tensor, " photos"]:
    """How many labels of each photo are likely to be wrong, as seen against the folder; for answers on different scales.

    ``sum_t sigmoid(-k y_t mean_a (x_at - q_at) / d_at)`` with ``x = logit s``, d its deviation over the photos, and q the
    middle between the scores of as many photos as the label was chosen for and the next one: each answer gets the threshold
    at which it would choose the label as often.

    Args:
        scores: s, in [0, 1], of the answer in question and of others to the same photos.
        chosen: y, +1 where the answer in question chose the label, else -1.
        sharpness: k, > 0.

    Returns:
        From 0 to the number of labels. A label that an answer scores alike in all photos has no margin in it.

    Reference:
        Query by committee with its mean margin: Settles (2009), section 3.2. Thresholds and deviations of a folder without
        labels are ours; they bring what weights fitted to labelled scenes do (docs/results/queue.md).
    """
    x = torch.logit(scores.double(), eps=1e-4)
    photos = x.shape[1]
    ordered = x.sort(dim=1, descending=True).values
    count = chosen.sum(dim=0)
    ends = torch.stack([(count - 1).clamp(min=0), count.clamp(max=photos - 1)])
    cut = ordered.gather(1, ends.expand(len(x), *ends.shape)).mean(dim=1, keepdim=True)
    deviation = x.std(dim=1, keepdim=True)
    margin = torch.where(deviation > 0, (x - cut) / deviation, 0.0).mean(dim=0)
    return torch.sigmoid(-sharpness * torch.where(chosen, margin, -margin)).sum(dim=1)


def tag_disagreement(one: Bool[Tensor, " labels"], other: Bool[Tensor, " labels"]) -> int:
    """Labels that one of two answers chose and the other did not.

    A count, no share: a photo with three disputed tags is to be seen before one with one.

    Reference:
        Query by committee: Seung, Opper and Sompolinsky, COLT 1992, with a committee of two.
    """
    return int((one ^ other).sum())


def pixel_entropy(scores: Float[Tensor, "height width"]) -> float:
    """Mean over pixels of the entropy of the winning score against the rest: ``-p ln p - (1 - p) ln(1 - p)``.

    Only the winning score of a pixel is kept, so all other labels count as one: a lower bound of the full entropy.

    Args:
        scores: p, in [0, 1]; what lies outside is cut.

    Returns:
        In nats, from 0 to ln 2; 0 for an image without pixels.
    """
    winning = scores.float().clamp(0, 1)
    if not winning.numel():
        return 0.0
    return float((torch.special.entr(winning) + torch.special.entr(1 - winning)).mean())


def pixel_disagreement(one: Int[Tensor, "height width"], other: Int[Tensor, "height width"]) -> float:
    """Share of the pixels that two label maps of one image give other labels; 0 for an image without pixels.

    Reference:
        Query by committee: Seung, Opper and Sompolinsky, COLT 1992, with a committee of two, pixel by pixel.
    """
    return float((one != other).float().mean()) if one.numel() else 0.0
