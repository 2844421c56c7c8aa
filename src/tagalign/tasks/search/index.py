"""A search index in memory: exact answers over all stored embeddings, with the matching tags as the visible reason."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from jaxtyping import Float, Int
from torch import Tensor

from tagalign.errors import DataError, InputError
from tagalign.tasks.search.approximate import ApproximateIndex, candidate_rows
from tagalign.tasks.search.embeds import PartEmbeds, cosines, open_embeds
from tagalign.tasks.search.files import part_paths, read_part
from tagalign.tasks.search.head import IndexHead
from tagalign.tasks.search.scores import matching_tags, with_tags
from tagalign.tasks.search.weights import TAG_WEIGHT
from tagalign.types import Hit, Ranking

LOOKED_OVER = 65_536
"""Scores that the best are taken from together."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SearchIndex:
    """An opened index. Searching it is exact, every stored embedding is compared, unless an approximate index says which.

    Attributes:
        keys: of the photos.
        embeds: float16, unit length before rounding; see ``embeds`` for where they are.
        tags: recognised tag ids of each photo.
        by_tag: photos and scores of each tag id.
        head: model and tag names.
        approximate: says which photos are compared; None for all.
    """

    keys: Sequence[str]
    embeds: Float[Tensor, "photos dim"] | PartEmbeds
    tags: Sequence[Sequence[int]]
    by_tag: Mapping[int, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)
    head: IndexHead
    approximate: ApproximateIndex | None = None

    @classmethod
    def open(cls, folder: Path, *, approximate: bool = False) -> "SearchIndex":
        """Read the keys and tags of all parts; embeddings as ``embeds.open_embeds`` does.

        Args:
            folder: of the index.
            approximate: ask the approximate index.

        Raises:
            DataError: if there is no index or a part is damaged; if the approximate one is missing or stale.
            MissingExtraError: for an approximate one, without faiss.
        """
        head = IndexHead.read(folder)
        near = ApproximateIndex.open(folder) if approximate else None
        table = _read_columns(folder)
        opened = cls(
            # of millions of photos, Python's own values would take more memory than all else
            keys=_Column(table["key"]),
            embeds=open_embeds(folder, head, len(table)) if near is None else near.embeds,
            tags=_Column(table["tags"]),
            by_tag=_by_tag(table),
            head=head,
            approximate=near,
        )
        del table
        # Arrow keeps what reading needed for itself: of ten million photos 1.1 GB, and 0.6 are all that stay
        pa.default_memory_pool().release_unused()
        return opened

    def __len__(self) -> int:
        return len(self.keys)

    def scores(
        self, embed: Float[Tensor, " dim"], text_tags: Sequence[int] = (), *, tag_weight: float = TAG_WEIGHT
    ) -> Float[Tensor, " photos"]:
        """``cos + tag_weight * overlap`` of every photo; see ``scores``.

        Raises:
            InputError: if the embedding is of another size.
        """
        self._check(embed)
        cosine = cosines(self.embeds, embed)
        return with_tags(cosine, self._overlap(text_tags), tag_weight) if text_tags else cosine

    def _check(self, embed: Float[Tensor, " dim"]) -> None:
        if len(embed) != self.head.dim:
            raise InputError(
                f"the index holds embeddings of {self.head.dim} numbers, the query has {len(embed)}"
            )

    def _scored(
        self, embed: Float[Tensor, " dim"], text_tags: Sequence[int], count: int, tag_weight: float
    ) -> tuple[Int[Tensor, " photos"] | None, Float[Tensor, " photos"]]:
        """Rows and their scores; all rows where there are none."""
        if self.approximate is None:
            return None, self.scores(embed, text_tags, tag_weight=tag_weight)
        self._check(embed)
        tagged = [self.by_tag[tag][0] for tag in text_tags if tag in self.by_tag] if tag_weight else []
        rows = candidate_rows(self.approximate, embed, tagged, count)
        cosine = self.approximate.embeds[rows].to(embed.dtype) @ embed
        scored = with_tags(cosine, self._overlap(text_tags)[rows], tag_weight) if text_tags else cosine
        return rows, scored

    def _overlap(self, text_tags: Sequence[int]) -> Float[Tensor, " photos"]:
        """Mean probability of the named tags, as ``scores.tag_overlap``, from the photos of each tag alone."""
        total = torch.zeros(len(self))
        for tag in text_tags:
            if tag in self.by_tag:
                rows, probs = self.by_tag[tag]
                total[torch.from_numpy(rows)] += torch.from_numpy(probs)
        return total / len(text_tags)

    def search(
        self,
        query: str,
        embed: Float[Tensor, " dim"],
        text_tags: Sequence[int] = (),
        *,
        count: int = 10,
        tag_weight: float = TAG_WEIGHT,
    ) -> Ranking:
        """The best photos for a query, with the tags they share with it.

        Args:
            query: shown in the result.
            embed: of the query, unit length.
            text_tags: tag ids that the query names.
            count: photos to return; at least 1.
            tag_weight: of matching tags.

        Returns:
            Hits by falling score; equal scores in the order of the index.

        Raises:
            InputError: for a count below 1, or an embedding of another size.
        """
        if count < 1:
            raise InputError(f"expected at least 1 result, got {count}")
        rows, scores = self._scored(embed, text_tags, count, tag_weight)
        best = best_rows(scores, count)
        hits = [
            Hit(
                key=self.keys[row],
                score=float(scores[place]),
                tags=matching_tags(self.tags[row], text_tags, self.head.tag_names),
            )
            for place, row in zip(best, best if rows is None else rows[best].tolist(), strict=True)
        ]
        return Ranking(query=query, hits=hits)


class _Column(Sequence[Any]):
    """A column of Arrow whose values become Python's when they are asked for."""

    def __init__(self, column: pa.ChunkedArray) -> None:
        self._column = column

    def __len__(self) -> int:
        return len(self._column)

    def __getitem__(self, row: Any) -> Any:
        return self._column[row].as_py()


def _read_columns(folder: Path) -> pa.Table:
    """All that the parts hold but the embeddings."""
    parts = (read_part(path, ["key", "tags", "scores"]) for path in part_paths(folder))
    tables = [part for part in parts if len(part)]
    if not tables:
        raise DataError(f"{folder}: the index holds no photo yet")
    return pa.concat_tables(tables).combine_chunks()


def _by_tag(table: pa.Table) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    tags = table["tags"].combine_chunks()
    ids = tags.values.to_numpy(zero_copy_only=False)
    scores = table["scores"].combine_chunks().values.to_numpy(zero_copy_only=False)
    rows = np.repeat(np.arange(len(tags), dtype=np.int32), np.diff(tags.offsets.to_numpy()))
    order = np.argsort(ids, kind="stable")
    found, starts = np.unique(ids[order], return_index=True)
    ends = [*starts[1:], len(ids)] if len(found) else []
    return {
        int(tag): (rows[order[start:end]], scores[order[start:end]])
        for tag, start, end in zip(found, starts, ends, strict=True)
    }


def best_rows(scores: Float[Tensor, " photos"], count: int) -> list[int]:
    """Rows of the ``count`` highest scores, best first; equal ones in ascending order, also at the cut."""
    count = min(count, len(scores))
    if count == 0:
        return []
    # topk promises no order among equals, only the value at the cut is taken from it; it copies all that it looks at
    best = [block.topk(min(count, len(block))).values for block in scores.split(LOOKED_OVER)]
    cut = torch.cat(best).topk(count).values[-1]
    rows = (scores >= cut).nonzero()[:, 0]
    order = scores[rows].argsort(descending=True, stable=True)
    return [int(row) for row in rows[order[:count]]]
