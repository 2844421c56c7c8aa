"""From the rows of a retrieval benchmark to the scores of all its pairs, by search's own formula."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from tagalign.errors import InputError
from tagalign.evaluate.rows import Row, unpack_embeds
from tagalign.tasks.search.scores import looked_at_again, pair_scores, shortlists, tag_overlap

PairScores = Float[Tensor, "images texts"]
TEXT_BLOCK = 4096  # texts whose tags are laid out at a time: 60 MB with 3,429 tags
TO_TEXT, TO_IMAGE = 1, 2  # which shortlist a pair stands on; 3 is both


RULE_NAMES = ("tag_weight", "rerank")
"""What a stored result names of the rule."""


@dataclass(frozen=True, kw_only=True)
class RankingRule:
    """What counts beside the cosine of the embeddings.

    Attributes:
        tag_weight: of the tags that image and sentence share; 0 leaves them out, as CLIP's tables do.
        rerank: best items of each query that are looked at again together with it; 0 for none.
    """

    tag_weight: float = 0.0
    rerank: int = 0

    def __post_init__(self) -> None:
        if not math.isfinite(self.tag_weight) or self.tag_weight < 0 or self.rerank < 0:
            raise InputError(
                f"expected a tag weight and a number to rerank of at least 0, got {self.tag_weight:g} and {self.rerank}"
            )

    def words(self) -> str:
        """For the record of a result."""
        parts = ["cosine"]
        parts += [f"{self.tag_weight:g} x shared tags"] if self.tag_weight else []
        parts += [f"matching on the best {self.rerank}"] if self.rerank else []
        return f"{' + '.join(parts)}; a tie counts against the method"


@dataclass(frozen=True, kw_only=True, eq=False)
class BothWays:
    """Scores of all pairs as each direction sees them; without a second look the two are one.

    Attributes:
        to_text: images look for sentences.
        to_image: sentences look for images.
    """

    to_text: PairScores
    to_image: PairScores


def owners_of(rows: Sequence[Row]) -> Int[Tensor, " texts"]:
    """The row of the image that each sentence belongs to."""
    return torch.tensor([i for i, row in enumerate(rows) for _ in range(row["texts"]["shape"][0])])


def first_scores(rows: Sequence[Row], rule: RankingRule) -> PairScores:
    """``cos + tag_weight * overlap`` of every image and every sentence.

    Args:
        rows: of ``AskRetrieval``; with tags where the rule weighs them.
        rule: see ``RankingRule``.
    """
    images = torch.stack([unpack_embeds(row["image"])[0] for row in rows]) if rows else torch.zeros(0, 1)
    texts = torch.cat([unpack_embeds(row["texts"]) for row in rows]) if rows else torch.zeros(0, 1)
    if not rule.tag_weight:
        return pair_scores(images, texts)
    probs = _tag_probs(rows)
    named = [ids for row in rows for ids in row["named"]]
    blocks = [named[i : i + TEXT_BLOCK] for i in range(0, len(named), TEXT_BLOCK)]
    overlap = torch.cat([tag_overlap(probs, block) for block in blocks], dim=1)
    return pair_scores(images, texts, overlap=overlap, tag_weight=rule.tag_weight)


def _tag_probs(rows: Sequence[Row]) -> Float[Tensor, "images tags"]:
    """0 for tags that were not recognised."""
    ids = [i for row in rows for i in (*row["tags"]["ids"], *(j for named in row["named"] for j in named))]
    probs = torch.zeros(len(rows), max(ids, default=0) + 1)
    for place, row in enumerate(rows):
        probs[place, row["tags"]["ids"]] = torch.tensor(row["tags"]["probs"])
    return probs


def pairs_to_match(scores: PairScores, count: int) -> dict[tuple[int, int], int]:
    """Pairs on a shortlist of either direction, and on which: each pair is looked at once."""
    found: dict[tuple[int, int], int] = {}
    for way, by_query in ((TO_TEXT, scores), (TO_IMAGE, scores.T)):
        queries, items = (part.tolist() for part in shortlists(by_query, count))
        for query, item in zip(queries, items, strict=True):
            pair = (query, item) if way == TO_TEXT else (item, query)
            # a pair on both lists is looked at once; which lists it stood on decides whom its answer serves
            found[pair] = found.get(pair, 0) | way
    return found


def final_scores(rows: Sequence[Row], rule: RankingRule) -> BothWays:
    """What each direction ranks by.

    Args:
        rows: with ``matches`` where the rule asks for a second look.
        rule: see ``RankingRule``.
    """
    scores = first_scores(rows, rule)
    if not rule.rerank:
        return BothWays(to_text=scores, to_image=scores)
    pairs = [(i, row["matches"]) for i, row in enumerate(rows)]
    images = torch.tensor([i for i, found in pairs for _ in found["texts"]], dtype=torch.long)
    texts, ways = (
        torch.tensor([v for _, found in pairs for v in found[name]], dtype=torch.long)
        for name in ("texts", "ways")
    )
    probs = torch.from_numpy(np.array([p for _, found in pairs for p in found["probs"]], dtype=np.float32))
    to_text, to_image = (ways & TO_TEXT).bool(), (ways & TO_IMAGE).bool()
    return BothWays(
        to_text=looked_at_again(scores, images[to_text], texts[to_text], probs[to_text]),
        to_image=looked_at_again(scores.T, texts[to_image], images[to_image], probs[to_image]).T,
    )


def rule_of(scoring: Mapping[str, Any]) -> RankingRule:
    """The rule of a stored result; cosine alone where it names none."""
    return RankingRule(tag_weight=float(scoring.get("tag_weight", 0.0)), rerank=int(scoring.get("rerank", 0)))
