"""Asking for rankings: embeddings of images and of their sentences, and a second look at the best pairs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import torch
from PIL import Image

from tagalign.data.benchmarks.records import CaptionSet
from tagalign.evaluate.engine import Gathered, Plan, gather
from tagalign.evaluate.ranking import RankingRule, first_scores, pairs_to_match
from tagalign.evaluate.rows import MATCHING, Row, evaluation_mark, pack_embeds
from tagalign.methods.protocols import Method
from tagalign.tasks.search.rankers import (
    DenseRanker,
    RankedPhoto,
    Tag2TextRanker,
    ranker_for,
    refuse_rerank,
    refuse_weight,
)

MATCHED_AT_ONCE = 64
"""Texts that meet an image in one model run."""


@dataclass(frozen=True, eq=False)
class AskRetrieval:
    """Embeddings, ranked later by their cosine, and by what the rule names beside it.

    Raises:
        InputError: if the rule weighs tags, or looks again, and the method has none of it.
    """

    method: Method[Any]
    data: CaptionSet
    rule: RankingRule = field(default_factory=RankingRule)
    kind: str = "retrieval"

    def __post_init__(self) -> None:
        refuse_weight(self.ranker, self.rule.tag_weight)
        if self.rule.rerank:
            refuse_rerank(self.ranker)

    @cached_property
    def ranker(self) -> Tag2TextRanker | DenseRanker:
        """The method as search sees it."""
        return ranker_for(self.method)

    def truth(self, index: int) -> tuple[str, ...]:
        """Sentences of people."""
        return self.data.references(index)

    def encode(self, images: Sequence[Image.Image]) -> Sequence[RankedPhoto]:
        """Embeddings and tags of a batch."""
        return self.ranker.embed_photos(images)

    def rows(
        self,
        encoded: Sequence[RankedPhoto],
        images: Sequence[Image.Image],
        truths: Sequence[tuple[str, ...]],
    ) -> list[Row]:
        """Embedding of each image and of its sentences; with their tags where those count."""
        texts = self.ranker.embed_texts([text for some in truths for text in some])
        parts = torch.split(texts, [len(some) for some in truths])
        return [
            {"image": pack_embeds(photo.embed[None]), "texts": pack_embeds(part)} | self._tags(photo, some)
            for photo, part, some in zip(encoded, parts, truths, strict=True)
        ]

    def _tags(self, photo: RankedPhoto, texts: Sequence[str]) -> Row:
        if not self.rule.tag_weight:
            return {}
        ids = sorted(photo.tags)
        probs = [float(f"{photo.tags[i]:.9g}") for i in ids]  # the digits that float32 needs
        named = [self.ranker.tag_names.mentioned(text) for text in texts]
        return {"tags": {"ids": ids, "probs": probs}, "named": named}

    def settings(self) -> dict[str, Any]:
        """Benchmark, method and how items are ranked."""
        return {
            "kind": self.kind,
            "benchmark": self.data.name,
            "split": self.data.split,
            "ranking": self.rule.words(),
            "model": self.method.describe(),
        }

    def scoring(self) -> dict[str, Any]:
        """What counts beside the cosine; nothing where it alone does."""
        named = {"tag_weight": self.rule.tag_weight, "rerank": self.rule.rerank}
        return {name: value for name, value in named.items() if value}


@dataclass(frozen=True, eq=False)
class AskMatches:
    """The second look: every image once, together with all sentences that stand on a shortlist with it.

    Attributes:
        first: what the first look asked.
        texts: all sentences, in the order of the rows.
        pairs: sentences of each image by its index in the data, with the shortlists each pair stands on.
    """

    first: AskRetrieval
    texts: Sequence[str]
    pairs: Mapping[int, Sequence[tuple[int, int]]]
    kind: str = "matches"

    @property
    def data(self) -> CaptionSet:
        """The benchmark."""
        return self.first.data

    def truth(self, index: int) -> Sequence[tuple[int, int]]:
        """Sentences that the image meets."""
        return self.pairs.get(index, ())

    def encode(self, images: Sequence[Image.Image]) -> Sequence[Any]:
        """Image tokens; the first look did not keep them."""
        return self.first.method.encode_images(images)

    def rows(
        self,
        encoded: Sequence[Any],
        images: Sequence[Image.Image],
        truths: Sequence[Sequence[tuple[int, int]]],
    ) -> list[Row]:
        """Probability of each pair."""
        return [self._row(image, pairs) for image, pairs in zip(encoded, truths, strict=True)]

    def _row(self, image: Any, pairs: Sequence[tuple[int, int]]) -> Row:
        ranker = self.first.ranker
        assert isinstance(ranker, Tag2TextRanker)  # others were refused
        texts = [self.texts[text] for text, _ in pairs]
        probs = [
            p
            for start in range(0, len(texts), MATCHED_AT_ONCE)
            for p in ranker.match_texts(image, texts[start : start + MATCHED_AT_ONCE])
        ]
        return {
            "texts": [text for text, _ in pairs],
            "ways": [way for _, way in pairs],
            "probs": [float(f"{p:.9g}") for p in probs],
        }

    def settings(self) -> dict[str, Any]:
        """Of the first look, and a mark of the pairs."""
        return self.first.settings() | {
            "kind": self.kind,
            "pairs": evaluation_mark(sorted(self.pairs.items())),
        }

    def scoring(self) -> dict[str, Any]:
        """Nothing beside the rows."""
        return {}


def look_again(asker: AskRetrieval, gathered: Gathered, plan: Plan) -> Gathered:
    """The rows with the probabilities of their shortlisted pairs; the same rows where the rule asks for no second look.

    Every image is encoded once more. A stopped run goes on in the folder ``MATCHING`` of ``plan.out``.

    Args:
        asker: of the first look.
        gathered: its rows, of all images.
        plan: of the first look.
    """
    if not asker.rule.rerank or gathered.pending or not gathered.rows:
        return gathered
    texts = [text for row in gathered.rows for text in asker.data.references(row["i"])]
    pairs: dict[int, list[tuple[int, int]]] = {row["i"]: [] for row in gathered.rows}
    scores = first_scores(gathered.rows, asker.rule)
    for (image, text), way in sorted(pairs_to_match(scores, asker.rule.rerank).items()):
        pairs[gathered.rows[image]["i"]].append((text, way))
    second = AskMatches(asker, texts, pairs)
    out = None if plan.out is None else plan.out / MATCHING
    found = gather(second, replace(plan, out=out))
    by_index = {row["i"]: row for row in found.rows}
    joined = [row | {"matches": by_index[row["i"]]} for row in gathered.rows if row["i"] in by_index]
    return replace(
        gathered, rows=joined, pending=found.pending, failures=[*gathered.failures, *found.failures]
    )
