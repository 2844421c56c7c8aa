"""Which images fit a text, which texts fit an image: embeddings first, tags as the visible reason, matching last.

The one place that computes it: search, the server and the retrieval benchmarks ask here.

``score(I, T) = cos(I, T) + tag_weight * overlap(I, T)``, and on a shortlist ``+ match_weight * p_match(I, T)`` with
``overlap(I, T) = mean over the tags t named in T of p_I(t)``, 0 where T names none. The paper weighs "the number of
matching tags with feature similarity" and prints no formula; this one is ours.
"""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from tagalign.errors import InputError
from tagalign.tasks.search.weights import MATCH_WEIGHT, SHORTLIST, TAG_WEIGHT

PairScores = Float[Tensor, "images texts"]
MatchPairs = Callable[[Sequence[int], Sequence[int]], Float[Tensor, " pairs"]]
"""Probability that image ``i`` and text ``j`` belong together, for lists of ``i`` and ``j``."""


def tag_overlap(tag_probs: Float[Tensor, "images tags"], text_tags: Sequence[Sequence[int]]) -> PairScores:
    """Mean probability, per image, of the tags that each text names; 0 for a text without tags.

    Args:
        tag_probs: p_I(t); 0 for tags that were not recognised.
        text_tags: tag ids per text, without repeats.
    """
    named = torch.zeros(len(text_tags), tag_probs.shape[1], dtype=tag_probs.dtype, device=tag_probs.device)
    for row, ids in enumerate(text_tags):
        named[row, list(ids)] = 1.0
    return tag_probs @ F.normalize(named, p=1, dim=1).T


def pair_scores(
    image_embeds: Float[Tensor, "images dim"],
    text_embeds: Float[Tensor, "texts dim"],
    *,
    overlap: PairScores | None = None,
    tag_weight: float = TAG_WEIGHT,
) -> PairScores:
    """``cos(I, T) + tag_weight * overlap(I, T)`` for all pairs.

    Args:
        image_embeds: unit length.
        text_embeds: unit length.
        overlap: from ``tag_overlap``; None ranks by the embeddings alone.
        tag_weight: at least 0.

    Raises:
        InputError: if the weight is negative.
    """
    if tag_weight < 0:
        raise InputError(f"the weight of matching tags must be at least 0, got {tag_weight}")
    cosine = image_embeds @ text_embeds.T
    return cosine if overlap is None else with_tags(cosine, overlap, tag_weight)


def with_tags(cosine: Tensor, overlap: Tensor, tag_weight: float) -> Tensor:
    """``cosine + tag_weight * overlap``: the first look, of pairs, of the photos of an index, of a benchmark."""
    return cosine + tag_weight * overlap


def with_match(scores: Tensor, probs: Tensor, match_weight: float = MATCH_WEIGHT) -> Tensor:
    """``scores + match_weight * p_match``: the second look, on a shortlist."""
    return scores + match_weight * probs


def shortlists(
    by_query: Float[Tensor, "queries items"], count: int
) -> tuple[Int[Tensor, " pairs"], Int[Tensor, " pairs"]]:
    """Queries and items of the ``count`` best items of each query, query by query; all where there are fewer."""
    best = by_query.topk(min(count, by_query.shape[1]), dim=1).indices
    queries = torch.arange(len(by_query), device=best.device)[:, None].expand_as(best)
    return queries.flatten(), best.flatten()


def looked_at_again(
    by_query: Float[Tensor, "queries items"],
    queries: Int[Tensor, " pairs"],
    items: Int[Tensor, " pairs"],
    probs: Float[Tensor, " pairs"],
    *,
    match_weight: float = MATCH_WEIGHT,
) -> Float[Tensor, "queries items"]:
    """Scores with the probabilities of shortlisted pairs, all other items of a query behind them in their old order."""
    if not by_query.numel():
        return by_query
    # more than any two scores differ by, so that what is not on the shortlist stands behind what is
    behind = float(by_query.max() - by_query.min()) + match_weight + 1
    final = by_query - behind
    final[queries, items] = with_match(by_query[queries, items], probs.to(by_query), match_weight)
    return final


def rerank(
    scores: PairScores,
    match: MatchPairs,
    *,
    to: str,
    shortlist: int = SHORTLIST,
    match_weight: float = MATCH_WEIGHT,
    batch_size: int = 256,
) -> PairScores:
    """Matching probabilities added on each query's shortlist, all other items behind it in their old order.

    Args:
        scores: of all pairs.
        match: see ``MatchPairs``.
        to: ``image`` when texts look for images, ``text`` when images look for texts.
        shortlist: items per query that are matched.
        match_weight: of the probability.
        batch_size: pairs matched at a time.

    Raises:
        InputError: for another direction.
    """
    if to not in {"image", "text"}:
        raise InputError(f"rerank looks to 'image' or to 'text', got {to!r}")
    by_query = scores.T if to == "image" else scores
    queries, items = shortlists(by_query, shortlist)
    images, texts = (items, queries) if to == "image" else (queries, items)
    probs = _in_batches(match, images, texts, batch_size)
    final = looked_at_again(by_query, queries, items, probs, match_weight=match_weight)
    return final.T if to == "image" else final


def _in_batches(
    match: MatchPairs, images: Int[Tensor, " pairs"], texts: Int[Tensor, " pairs"], size: int
) -> Float[Tensor, " pairs"]:
    pairs = zip(images.split(size), texts.split(size), strict=True)
    return torch.cat([match(i.tolist(), t.tolist()) for i, t in pairs])


def matching_tags(
    image_tags: Sequence[int], text_tags: Sequence[int], names: Sequence[str]
) -> tuple[str, ...]:
    """Names of the tags that image and text share, in the order of the text's: the visible reason of a hit."""
    own = set(image_tags)
    return tuple(dict.fromkeys(names[i] for i in text_tags if i in own))
