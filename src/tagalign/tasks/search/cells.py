"""Cells of near embeddings, learned and filled in two steps: a few groups first, then the cells of each group.

One k-means over all cells costs ``cells^2``: 4,000 cells of a million embeddings of 512 numbers took longer than the photos'
index itself. With ``sqrt(cells)`` groups both learning and filling cost ``cells^1.5``, minutes for ten million.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

PER_CELL = 39
"""Embeddings that a cell is learned from; faiss calls fewer too few, and more change little."""
PER_GROUP = 256
"""Embeddings that a group is learned from, at most."""
ROUNDS = 10
"""Of k-means; faiss's own default for cells."""
NEAR_GROUPS = 4
"""Groups whose cells an embedding is compared with: its nearest cell may belong to a neighbour of its nearest group."""


@dataclass(frozen=True, eq=False)
class GroupedCells:
    """Centres of cells, and the groups they were learned in.

    Attributes:
        groups: centres of the groups, unit length.
        centres: of the cells, unit length, those of a group together.
        starts: first cell of each group, and the number of cells behind them.
    """

    groups: Float[Tensor, "groups dim"]
    centres: Float[Tensor, "cells dim"]
    starts: tuple[int, ...]

    def nearest(self, embeds: Float[Tensor, "rows dim"]) -> Int[Tensor, " rows"]:
        """The cell of each embedding: the one of largest product among those of its ``NEAR_GROUPS`` nearest groups."""
        near = (embeds @ self.groups.T).topk(min(NEAR_GROUPS, len(self.groups)), dim=1).indices
        best = torch.full((len(embeds),), -math.inf)
        found = torch.zeros(len(embeds), dtype=torch.int64)
        for group, (start, end) in enumerate(zip(self.starts, self.starts[1:], strict=False)):
            rows = (near == group).any(dim=1).nonzero()[:, 0]
            if not len(rows):
                continue
            scores, cells = (embeds[rows] @ self.centres[start:end].T).max(dim=1)
            better = scores > best[rows]
            best[rows[better]] = scores[better]
            found[rows[better]] = start + cells[better]
        return found


def count_cells(total: int) -> int:
    """``4 sqrt(embeddings)`` as faiss advises, fewer where a cell could not be learned; at least 1."""
    return max(1, min(round(4 * math.sqrt(total)), total // PER_CELL))


def learn_cells(faiss: Any, some: Float[np.ndarray, "rows dim"], cells: int) -> GroupedCells:
    """Spherical k-means in two steps.

    Args:
        faiss: the module.
        some: embeddings to learn from, unit length; ``PER_CELL`` per cell are enough.
        cells: wanted; a group gets its share by its embeddings, so that a few more or fewer come.
    """
    number = max(1, round(math.sqrt(cells)))
    sample = spread(some, PER_GROUP * number)
    groups = torch.from_numpy(_centres(faiss, sample, number))
    own = (torch.from_numpy(some) @ groups.T).argmax(dim=1).numpy()
    kept = np.unique(own)  # of equal embeddings one group takes all
    found, starts = [], [0]
    for group in kept:
        rows = some[own == group]
        found.append(_centres(faiss, rows, max(1, round(cells * len(rows) / len(some)))))
        starts.append(starts[-1] + len(found[-1]))
    return GroupedCells(
        groups[torch.from_numpy(kept)], torch.from_numpy(np.concatenate(found)), tuple(starts)
    )


def _centres(faiss: Any, rows: Float[np.ndarray, "rows dim"], count: int) -> Float[np.ndarray, "count dim"]:
    # the sizes were chosen above: faiss would only repeat them as a warning
    made = faiss.Kmeans(
        rows.shape[1], count, niter=ROUNDS, spherical=True, min_points_per_centroid=1, seed=1234
    )
    made.train(np.ascontiguousarray(rows))
    return np.asarray(made.centroids, np.float32)


def spread(rows: Float[np.ndarray, "rows dim"], count: int) -> Float[np.ndarray, "some dim"]:
    """So many rows in float32, evenly over the whole: photos come in the order of their folders."""
    return rows[np.unique(np.linspace(0, len(rows) - 1, min(len(rows), count)).astype(np.int64))].astype(
        np.float32, copy=False
    )
