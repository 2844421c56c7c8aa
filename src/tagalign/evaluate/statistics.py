"""Metrics of drawings of the images, percent: what the 95 % intervals of an evaluation are made from."""

import math
from collections.abc import Sequence

import numpy as np
from scipy import sparse

from tagalign.evaluate.bootstrap import Statistic
from tagalign.evaluate.rows import Row


def miou_statistic(rows: Sequence[Row], num_classes: int) -> Statistic:
    """Percent mIoU of drawings of the images, from the three areas of each image and class."""
    areas = _areas(rows, num_classes)

    def miou(weights: np.ndarray) -> np.ndarray:
        totals = np.asarray(weights @ areas).reshape(len(weights), 3, num_classes)
        inside, true, predicted = totals[:, 0], totals[:, 1], totals[:, 2]
        union = true + predicted - inside
        known = union > 0
        iou = np.divide(inside, union, out=np.zeros_like(inside), where=known)
        means: np.ndarray = iou.sum(1) / np.maximum(known.sum(1), 1)
        return 100 * np.where(known.any(1), means, math.nan)

    return miou


def _areas(rows: Sequence[Row], num_classes: int) -> sparse.csr_matrix:
    """One line per image: intersection, true area and predicted area of each class, in pixels."""
    # sparse: an image has few of the classes, and a thousand drawings are one product instead of a thousand sums of matrices
    lines, columns, values = [], [], []
    for line, row in enumerate(rows):
        cells = np.asarray(row["cells"], dtype=np.int64).reshape(-1, 2)
        true, predicted, counts = cells[:, 0] // num_classes, cells[:, 0] % num_classes, cells[:, 1]
        right = true == predicted
        columns += [true[right], num_classes + true, 2 * num_classes + predicted]
        values += [counts[right], counts, counts]
        lines.append(np.full(int(right.sum()) + 2 * len(cells), line))
    shape = (len(rows), 3 * num_classes)
    if not rows:
        return sparse.csr_matrix(shape)
    place = (np.concatenate(lines), np.concatenate(columns))
    return sparse.csr_matrix((np.concatenate(values).astype(np.float64), place), shape=shape)


def ratio_statistic(pairs: Sequence[tuple[float, float]]) -> Statistic:
    """Percent ``sum of firsts / sum of seconds`` of drawings of the images."""
    table = np.asarray(pairs, dtype=np.float64).reshape(-1, 2)

    def ratio(weights: np.ndarray) -> np.ndarray:
        top, bottom = weights @ table[:, 0], weights @ table[:, 1]
        return 100 * np.divide(top, bottom, out=np.full_like(top, math.nan), where=bottom > 0)

    return ratio


def map_statistic(scores: np.ndarray, truth: np.ndarray) -> Statistic:
    """Percent mAP of drawings of the images; an image drawn twice counts like two images of the same score."""

    def mean_ap(weights: np.ndarray) -> np.ndarray:
        table = np.stack([_weighted_ap(scores[:, k], truth[:, k], weights) for k in range(scores.shape[1])])
        known = ~np.isnan(table)
        return 100 * np.where(
            known.any(0), np.nan_to_num(table).sum(0) / np.maximum(known.sum(0), 1), math.nan
        )

    return mean_ap


def _weighted_ap(scores: np.ndarray, truth: np.ndarray, weights: np.ndarray) -> np.ndarray:
    counted = truth >= 0
    order = np.argsort(-scores[counted], kind="stable")
    ranked, hits = scores[counted][order], truth[counted][order] == 1
    drawn = weights[:, counted][:, order]
    # the last of each group of equal scores: in which order they came must not decide the precision
    ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
    seen = np.cumsum(drawn, axis=1)[:, ends]
    found = np.cumsum(drawn * hits, axis=1)[:, ends]
    new = np.diff(found, axis=1, prepend=0)
    total = found[:, -1] if len(ends) else np.zeros(len(weights))
    precision = np.divide(found, seen, out=np.zeros_like(found), where=seen > 0)
    return np.divide((new * precision).sum(1), total, out=np.full(len(weights), math.nan), where=total > 0)
