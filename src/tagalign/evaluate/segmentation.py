"""Segmentation scores of a whole data set, from one confusion matrix summed over its images.

The only owner of mIoU in this library. All scores are fractions in [0, 1]; tables multiply by 100.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Int, Integer
from torch import Tensor

from tagalign.errors import DataError, InputError
from tagalign.labels import IGNORE


def count_pixels(
    prediction: Integer[Tensor, "height width"],
    target: Integer[Tensor, "true_height true_width"],
    num_classes: int,
    *,
    ignore: int = IGNORE,
) -> Int[Tensor, "classes classes"]:
    """Count the pixels of one image: row = class in the ground truth, column = predicted class.

    Args:
        prediction: ids in [0, ``num_classes``), on the CPU.
        target: ids in [0, ``num_classes``) or ``ignore``, on the CPU, of the same size.
        num_classes: number of classes.
        ignore: pixels with this id in ``target`` are not counted; they may hold any prediction.

    Returns:
        int64 counts; all zero when every pixel is ignored.

    Raises:
        DataError: when the sizes differ or an id is out of range, naming the value.
    """
    if prediction.shape != target.shape:
        raise DataError(
            f"expected a prediction of {_size(target)}, the size of its ground truth, got {_size(prediction)}"
        )
    if prediction.numel() == 0:
        return torch.zeros(num_classes, num_classes, dtype=torch.int64)
    predicted, truth = prediction.numpy(), target.numpy().astype(np.int64)
    _check_range("prediction", int(predicted.min()), int(predicted.max()), num_classes)
    highest = int(truth.max())
    if int(truth.min()) < 0:
        _check_range("ground truth", int(truth.min()), highest, num_classes)
    # One bincount over (truth, prediction) pairs: the rows behind the classes hold the ignored pixels and,
    # should there be any, the ids that are out of range. Filtering first would cost as much as counting.
    rows = max(highest + 1, num_classes)
    truth *= num_classes
    truth += predicted
    counts = np.bincount(truth.ravel(), minlength=rows * num_classes).reshape(rows, num_classes)
    _check_rest(counts, num_classes, ignore)
    matrix = counts[:num_classes]
    if ignore < num_classes:
        matrix[ignore] = 0
    return torch.from_numpy(matrix.copy())


def _size(mask: Tensor) -> str:
    return f"{mask.shape[0]} x {mask.shape[1]} pixels (height x width)"


def _check_range(what: str, low: int, high: int, num_classes: int) -> None:
    if low < 0 or high >= num_classes:
        bad = low if low < 0 else high
        raise DataError(
            f"the {what} holds id {bad}; expected 0 to {num_classes - 1} for {num_classes} classes"
        )


def _check_rest(
    counts: "np.ndarray[tuple[int, int], np.dtype[np.int64]]", num_classes: int, ignore: int
) -> None:
    extra = np.flatnonzero(counts[num_classes:].sum(axis=1)) + num_classes
    wrong = extra[extra != ignore]
    if wrong.size:
        raise DataError(
            f"the ground truth holds id {wrong[-1]}; expected 0 to {num_classes - 1} "
            f"for {num_classes} classes, or {ignore} (ignored)"
        )


def iou_of(matrix: Integer[Tensor, "classes classes"]) -> Float[Tensor, " classes"]:
    """Intersection over union per class: ``diagonal / (row + column - diagonal)``.

    Returns:
        float64 in [0, 1]; NaN for a class that occurs neither in the ground truth nor in a prediction. A
        class that is predicted and never true has 0, and counts in the mean, as reference evaluators do.
    """
    matrix = matrix.double()
    intersection = matrix.diagonal()
    union = matrix.sum(0) + matrix.sum(1) - intersection
    return intersection / union


def harmonic(seen: float, unseen: float) -> float:
    """Harmonic mean ``2 seen unseen / (seen + unseen)``, called hIoU; 0 if both are 0, NaN if one is NaN."""
    return 2 * seen * unseen / (seen + unseen) if seen + unseen != 0 else 0.0


class Confusion:
    """Confusion matrix summed over images, and the scores that follow from it.

    mIoU in this field is dataset-level: pixels are summed over all images, then divided. The mean of the
    per-image values is another number.

    Example:
        >>> confusion = Confusion(2)
        >>> confusion.update(torch.tensor([[0, 0, 1, 1]]), torch.tensor([[0, 1, 1, 255]]))
        >>> confusion.matrix.tolist()
        [[1, 0], [1, 1]]
        >>> confusion.miou()
        0.5

    Attributes:
        num_classes: number of classes, background included where the protocol has one.
        ignore: id of ground-truth pixels that are not counted.
        matrix: int64 counts; row = class in the ground truth, column = predicted class.
        images: how many images were counted.
    """

    def __init__(self, num_classes: int, *, ignore: int = IGNORE) -> None:
        if num_classes < 1:
            raise InputError(f"expected at least one class, got {num_classes}")
        self.num_classes = num_classes
        self.ignore = ignore
        self.images = 0
        self.matrix = torch.zeros(num_classes, num_classes, dtype=torch.int64)

    def update(
        self, prediction: Integer[Tensor, "height width"], target: Integer[Tensor, "height width"]
    ) -> None:
        """Count one image; see ``count_pixels`` for what is accepted and what is refused."""
        counts = count_pixels(prediction.cpu(), target.cpu(), self.num_classes, ignore=self.ignore)
        self.add(counts)

    def add(self, counts: Int[Tensor, "classes classes"]) -> None:
        """Add the counts of one image."""
        self.matrix += counts
        self.images += 1

    def merge(self, other: "Confusion") -> None:
        """Add what another process counted.

        Raises:
            InputError: when the other matrix has another number of classes or another ignored id.
        """
        if (other.num_classes, other.ignore) != (self.num_classes, self.ignore):
            raise InputError(
                f"cannot merge counts of {other.num_classes} classes (ignored id {other.ignore}) "
                f"into {self.num_classes} classes (ignored id {self.ignore})"
            )
        self.matrix += other.matrix
        self.images += other.images

    def iou(self) -> Float[Tensor, " classes"]:
        """Per-class intersection over union; NaN for absent classes (``iou_of``)."""
        return iou_of(self.matrix)

    def miou(self, classes: Sequence[int] | None = None) -> float:
        """Mean of ``iou`` over ``classes`` (all by default), absent classes left out; NaN if none occurs."""
        iou = self.iou() if classes is None else self.iou()[self._indices(classes)]
        return float(iou.nanmean())

    def miou_seen(self, seen: Sequence[int]) -> float:
        """mIoU(S): over the classes seen in training, from the one joint matrix of all classes."""
        return self.miou(seen)

    def miou_unseen(self, seen: Sequence[int]) -> float:
        """mIoU(U): over all classes that are not in ``seen``, from the one joint matrix of all classes."""
        known = set(self._indices(seen).tolist())
        return self.miou([i for i in range(self.num_classes) if i not in known])

    def hiou(self, seen: Sequence[int]) -> float:
        """hIoU: harmonic mean of mIoU(S) and mIoU(U)."""
        return harmonic(self.miou_seen(seen), self.miou_unseen(seen))

    def pixel_accuracy(self) -> float:
        """Share of counted pixels that are right (pAcc, aAcc); NaN when no pixel was counted."""
        total = int(self.matrix.sum())
        return int(self.matrix.trace()) / total if total else math.nan

    def accuracy(self) -> Float[Tensor, " classes"]:
        """Recall per class: share of its true pixels that were found; NaN for a class without pixels."""
        return self.matrix.diagonal().double() / self.matrix.sum(1).double()

    def mean_accuracy(self) -> float:
        """Mean of the per-class recalls (mAcc), classes without pixels left out; NaN when there is none."""
        return float(self.accuracy().nanmean())

    def _indices(self, classes: Sequence[int]) -> Int[Tensor, " chosen"]:
        wrong = [i for i in classes if not 0 <= i < self.num_classes]
        if wrong:
            raise InputError(f"expected class ids from 0 to {self.num_classes - 1}, got {wrong[0]}")
        return torch.tensor(list(classes), dtype=torch.int64)
