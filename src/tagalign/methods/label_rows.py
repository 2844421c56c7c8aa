"""From the rows of encoded labels to labels: the best word counts, and a word that excludes speaks against its label alone.

A place of a photo where a negative fits better than every word of its label is not the label's, in masks; a label whose best
place fits it less than the best place of a negative is not in the photo, in tags. It takes no other label's share and never
comes out.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from tagalign.types import EncodedLabels, Negatives


def best_rows(
    values: Float[Tensor, "rows places"],
    owners: Int[Tensor, " rows"],
    num_labels: int,
    *,
    floor: float = -torch.inf,
) -> Float[Tensor, "labels places"]:
    """The best row of each label at each place.

    Args:
        values: of the rows.
        owners: the label each row belongs to.
        num_labels: labels in all.
        floor: least value; that of a label without rows.
    """
    best = values.new_full((num_labels, values.shape[1]), floor)
    return best.scatter_reduce(0, owners.to(values.device)[:, None].expand_as(values), values, "amax")


def mean_rows(
    rows: Float[Tensor, "rows dim"], owners: Int[Tensor, " rows"], num_labels: int
) -> Float[Tensor, "labels dim"]:
    """Mean of the rows of each label, unit length; a lone row stays what it is."""
    counts = owners.bincount(minlength=num_labels)
    # normalizing a unit row again would move its last digit, and with it scores that are compared bit by bit
    if bool((counts == 1).all()) and len(rows) == num_labels:
        return rows[owners.argsort()]
    sums = rows.new_zeros(num_labels, rows.shape[1]).index_add_(0, owners, rows)
    return F.normalize(sums, dim=-1)


def is_row_per_label(labels: EncodedLabels) -> bool:
    """Whether the rows are the labels, one by one and in order."""
    return len(labels.owners) == len(labels.names) and bool(
        (labels.owners == torch.arange(len(labels.names), device=labels.owners.device)).all()
    )


def beaten(points: Float[Tensor, "places dim"], labels: EncodedLabels) -> Bool[Tensor, "labels places"]:
    """Where a negative fits better than its label; a tie is the label's. For masks, place by place.

    Args:
        points: embeddings of any norm.
        labels: with their negatives; none are beaten without.
    """
    own, theirs = _cosines(points, labels)
    return theirs > own


def lost_labels(views: Sequence[Float[Tensor, "_ dim"]], labels: EncodedLabels) -> Bool[Tensor, " labels"]:
    """Labels that are not in a photo, for tags: the best cosine of a negative anywhere in it is above their own best.

    Compared are cosines over the photo and not shares of a softmax, place by place: a share depends on the labels beside
    it, and somewhere in a photo there is a place where neither fits and the label is ahead (docs/results/words.md).

    Args:
        views: embeddings of the places of the whole photo or of each of its windows, any norm.
        labels: with their negatives; none is lost without.
    """
    if labels.negatives is None:
        return torch.zeros(len(labels.names), dtype=torch.bool)
    best = [torch.stack([side.amax(dim=1) for side in _cosines(points, labels)]) for points in views]
    own, theirs = torch.stack(best).amax(dim=0)
    return (theirs > own).cpu()


def _cosines(points: Tensor, labels: EncodedLabels) -> tuple[Tensor, Tensor]:
    """Best cosine of the words of each label, and of its negatives (-inf without), at each place."""
    unit, count = F.normalize(points.float(), dim=-1), len(labels.names)
    # words of one label compete by their best and not their mean: a rare synonym must not speak against it
    own = best_rows(labels.embeds.to(unit) @ unit.T, labels.owners, count)
    if labels.negatives is None:
        return own, torch.full_like(own, -torch.inf)
    return own, best_rows(labels.negatives.embeds.to(unit) @ unit.T, labels.negatives.owners, count)


def in_place_of(labels: EncodedLabels, negatives: Negatives) -> EncodedLabels:
    """The negatives in the places of their labels, to be scored like them; a label without any has no row."""
    return replace(labels_only(labels), embeds=negatives.embeds, owners=negatives.owners)


def labels_only(labels: EncodedLabels) -> EncodedLabels:
    """The labels of any method as the plain value, without negatives."""
    return EncodedLabels(
        method=labels.method,
        label_set=labels.label_set,
        embeds=labels.embeds,
        owners=labels.owners,
        background=labels.background,
    )


def judged(
    score: Callable[[EncodedLabels], Float[Tensor, "*labels_and_places"]],
    labels: EncodedLabels,
    *,
    floor: float,
) -> Float[Tensor, "*labels_and_places"]:
    """Scores of labels, ``floor`` where the same score of a negative is higher.

    Args:
        score: of any labels at any places.
        labels: with their negatives.
        floor: lower than every score.
    """
    own = score(labels)
    if labels.negatives is None:
        return own
    return own.masked_fill(score(in_place_of(labels, labels.negatives)) > own, floor)


def part_of(negatives: Negatives | None, places: Int[Tensor, " labels"]) -> Negatives | None:
    """The negatives of some labels.

    Args:
        negatives: of all labels.
        places: of each label among those that are kept; -1 for the others.
    """
    if negatives is None:
        return None
    owners = places.to(negatives.owners.device)[negatives.owners]
    kept = owners >= 0
    return Negatives(embeds=negatives.embeds[kept], owners=owners[kept]) if bool(kept.any()) else None
