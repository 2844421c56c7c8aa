"""Photos that are nearly the same, by the angle between their embeddings."""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

ALIKE = 0.97
"""Cosine from which two photos count as nearly the same: a photo and its copy of other size or quality have more."""
BLOCK = 1024
ROUNDING = 1e-6  # of a product of float32 unit vectors: a copy must not miss a threshold of 1


def group_alike(embeds: Float[Tensor, "photos dim"], *, threshold: float = ALIKE) -> Int[Tensor, " photos"]:
    """For each photo the first one before it, or itself, that leads its group: ``cos >= threshold``.

    Photos are taken in order; one that is like no leader becomes one. So groups are balls around their leaders and no
    chain of small steps joins two different photos.

    Args:
        embeds: any norm; a row of zeros or NaN is like no other.
        threshold: in (-1, 1].

    Returns:
        The id of the leader of each photo, at most its own. Memory: one block of 1,024 photos against all leaders.

    Raises:
        ValueError: for a threshold outside of its range.

    Reference:
        Leader clustering: Hartigan, Clustering algorithms, Wiley 1975, chapter 3.
    """
    if not -1 < threshold <= 1:
        raise ValueError(f"expected a cosine above -1 and at most 1, got {threshold}")
    unit = F.normalize(embeds.float().nan_to_num(0.0), dim=1)
    owner = torch.arange(len(unit))
    leaders = torch.empty(0, dtype=torch.long)
    for start in range(0, len(unit), BLOCK):
        block = unit[start : start + BLOCK]
        places = torch.arange(start, start + len(block))
        own = owner[start : start + len(block)]  # a view: what is written here stands in the result
        if len(leaders):
            best, place = (block @ unit[leaders].T).max(dim=1)
            found = best >= threshold - ROUNDING
            own[found] = leaders[place[found]]
        within = block @ block.T >= threshold - ROUNDING
        for i in (own == places).nonzero().flatten().tolist():
            if own[i] != places[i]:
                continue  # an earlier one of this block leads it
            joins = within[i].clone()
            joins[: i + 1] = False
            own[joins & (own == places)] = places[i]
            leaders = torch.cat([leaders, places[i : i + 1]])
    return owner
