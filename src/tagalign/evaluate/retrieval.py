"""Retrieval: recall at k in both directions, with a rule for ties."""

from collections.abc import Sequence
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from tagalign.errors import InputError

Ties = Literal["pessimistic", "average", "optimistic"]
"""Rank of an item among others of the same score: behind them, in their middle, or before them."""


def ranks(
    scores: Float[Tensor, "queries items"],
    relevant: Bool[Tensor, "queries items"],
    *,
    ties: Ties = "pessimistic",
) -> Float[Tensor, " queries"]:
    """Rank of the best relevant item of each query, from 1; only the order of the scores matters, not their sign.

    Identical embeddings make recall depend on the sort order unless ties have a rule. ``pessimistic``, the default,
    puts the relevant item behind all others of the same score.

    Raises:
        InputError: if a query has no relevant item.
    """
    if not bool(relevant.any(dim=1).all()):
        raise InputError(
            f"query {int((~relevant.any(dim=1)).nonzero()[0])} has no relevant item; leave it out"
        )
    best = scores.masked_fill(~relevant, -torch.inf).amax(dim=1, keepdim=True)
    # other relevant items neither help nor push back: any of them would have been a find
    above = ((scores > best) & ~relevant).sum(1)
    equal = ((scores == best) & ~relevant).sum(1)
    share = {"pessimistic": 1.0, "average": 0.5, "optimistic": 0.0}[ties]
    return 1.0 + above + share * equal


def recall_at(rank: Float[Tensor, " queries"], k: int) -> float:
    """Share of the queries whose best relevant item is among the first ``k``; NaN without queries."""
    return float((rank <= k).double().mean())


def recalls(
    similarity: Float[Tensor, "images texts"],
    image_of_text: Int[Tensor, " texts"],
    *,
    ks: Sequence[int] = (1, 5, 10),
) -> dict[str, float]:
    """Image-to-text and text-to-image recall at each k, ``text_recall@k`` and ``image_recall@k``, in [0, 1].

    Args:
        similarity: any real scores, also negative.
        image_of_text: the image each text belongs to; an image may have several texts, any of which counts.
        ks: cut-offs.
    """
    owns = image_of_text[None, :] == torch.arange(len(similarity))[:, None]
    to_text, to_image = ranks(similarity, owns), ranks(similarity.T, owns.T)
    texts = {f"text_recall@{k}": recall_at(to_text, k) for k in ks}
    return texts | {f"image_recall@{k}": recall_at(to_image, k) for k in ks}
