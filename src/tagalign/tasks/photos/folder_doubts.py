"""Doubts that need the whole folder: expected errors of two answers, each seen against its own scores of all photos.

Scores of two methods are on different scales, and a threshold of one means nothing to the other. Single photos cannot tell;
a run that is read can.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import torch

from tagalign.ops.doubt import expected_errors_in_folder
from tagalign.tasks.photos.rows import count_rows, read_rows

LEAST_PHOTOS = 20
"""Below, a deviation is mostly chance."""
MOST_VALUES = 2**26
"""Scores in memory, of both answers: half a gigabyte as float64."""


def folder_errors(paths: Sequence[Path], names: Sequence[str]) -> list[float] | None:
    """Expected errors of every row of a run of ``tag`` that asked another method too, in the order of its rows.

    Args:
        paths: parts of the run.
        names: of its labels.

    Returns:
        None for a run without another method, of few photos, or of too many scores for the memory: the rows have errors of
        their own.
    """
    count = count_rows(paths)
    if not LEAST_PHOTOS <= count <= MOST_VALUES // max(1, 2 * len(names)):
        return None
    if any("second_scores" not in pq.read_schema(path).names for path in paths):
        return None
    places = {name: i for i, name in enumerate(names)}
    scores = np.empty((2, count, len(names)), dtype=np.float32)
    chosen = torch.zeros(count, len(names), dtype=torch.bool)
    for i, row in enumerate(read_rows(paths, ["tags", "scores", "second_scores"])):
        found: Any = row
        if found["second_scores"] is None:
            return None
        scores[0, i], scores[1, i] = found["scores"], found["second_scores"]
        chosen[i, [places[tag] for tag in found["tags"]]] = True
    values: list[float] = expected_errors_in_folder(torch.from_numpy(scores), chosen).tolist()
    return values
