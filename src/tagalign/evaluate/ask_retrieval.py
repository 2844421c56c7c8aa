"""Asking for rankings: embeddings of images and of their sentences."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from PIL import Image

from tagalign.data.benchmarks.records import CaptionSet
from tagalign.evaluate.rows import Row, pack_embeds
from tagalign.methods.protocols import Method
from tagalign.tasks.search.rankers import DenseRanker, Tag2TextRanker, ranker_for


@dataclass(frozen=True, eq=False)
class AskRetrieval:
    """Embeddings, ranked later by their cosine alone: neither tags nor matching re-rank them."""

    method: Method[Any]
    data: CaptionSet
    kind: str = "retrieval"

    @cached_property
    def ranker(self) -> Tag2TextRanker | DenseRanker:
        """The method as search sees it."""
        return ranker_for(self.method)

    def truth(self, index: int) -> tuple[str, ...]:
        """Sentences of people."""
        return self.data.references(index)

    def encode(self, images: Sequence[Image.Image]) -> Sequence[Any]:
        """Embeddings of a batch."""
        return [photo.embed for photo in self.ranker.embed_photos(images)]

    def rows(
        self, encoded: Sequence[Any], images: Sequence[Image.Image], truths: Sequence[tuple[str, ...]]
    ) -> list[Row]:
        """Embedding of each image and of its sentences."""
        texts = self.ranker.embed_texts([text for some in truths for text in some])
        parts = torch.split(texts, [len(some) for some in truths])
        return [
            {"image": pack_embeds(embed[None]), "texts": pack_embeds(part)}
            for embed, part in zip(encoded, parts, strict=True)
        ]

    def settings(self) -> dict[str, Any]:
        """Benchmark, method and how items are ranked."""
        return {
            "kind": self.kind,
            "benchmark": self.data.name,
            "split": self.data.split,
            "ranking": "cosine; a tie counts against the method",
            "model": self.method.describe(),
        }

    def scoring(self) -> dict[str, Any]:
        """Nothing beside the rows."""
        return {}
