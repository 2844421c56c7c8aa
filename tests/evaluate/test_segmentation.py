"""Confusion matrix and its scores against a plain loop, scikit-learn and values solved by hand."""

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import confusion_matrix, jaccard_score

from tagalign.errors import DataError, InputError
from tagalign.evaluate.segmentation import Confusion, count_pixels, harmonic

# Sums of integers and one float64 division: equal up to the last bits.
EXACT = dict(rel=1e-12, abs=1e-12)


def random_pair(seed, classes=5, size=(13, 17), ignore=255):
    rng = np.random.default_rng(seed)
    target = rng.integers(0, classes, size)
    prediction = np.where(rng.random(size) < 0.6, target, rng.integers(0, classes, size))
    target[rng.random(size) < 0.1] = ignore
    return torch.from_numpy(prediction), torch.from_numpy(target)


def loop_counts(prediction, target, classes, ignore=255):
    counts = [[0] * classes for _ in range(classes)]
    for row_p, row_t in zip(prediction.tolist(), target.tolist(), strict=True):
        for p, t in zip(row_p, row_t, strict=True):
            if t != ignore:
                counts[t][p] += 1
    return counts


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32, torch.int64])
def test_counts_equal_a_plain_loop(dtype):
    prediction, target = random_pair(0)
    counts = count_pixels(prediction, target.to(dtype), 5)
    assert counts.tolist() == loop_counts(prediction, target, 5)


def test_counts_equal_scikit_learn():
    prediction, target = random_pair(1)
    keep = target != 255
    expected = confusion_matrix(target[keep], prediction[keep], labels=range(5))
    assert count_pixels(prediction, target, 5).tolist() == expected.tolist()


def test_iou_of_several_images_equals_scikit_learn_on_all_pixels_together():
    pairs = [random_pair(seed) for seed in range(4)]
    confusion = Confusion(5)
    for prediction, target in pairs:
        confusion.update(prediction, target)
    predictions = torch.cat([p[t != 255] for p, t in pairs])
    targets = torch.cat([t[t != 255] for p, t in pairs])
    expected = jaccard_score(targets, predictions, average=None, labels=range(5))
    assert confusion.iou().tolist() == pytest.approx(expected.tolist(), **EXACT)
    assert confusion.miou() == pytest.approx(float(expected.mean()), **EXACT)
    assert confusion.pixel_accuracy() == pytest.approx(
        float((predictions == targets).double().mean()), **EXACT
    )
    assert confusion.images == 4


def test_miou_is_dataset_level_not_the_mean_over_images():
    confusion = Confusion(2)
    confusion.add(torch.tensor([[10, 0], [0, 90]]))
    confusion.add(torch.tensor([[1, 99], [0, 0]]))
    assert confusion.iou()[0].item() == pytest.approx(11 / 110, **EXACT)


def test_absent_class_is_nan_and_left_out_and_a_falsely_predicted_class_counts_zero():
    confusion = Confusion(4)
    confusion.update(torch.tensor([[0, 0, 1]]), torch.tensor([[0, 0, 0]]))
    iou = confusion.iou()
    assert iou[:2].tolist() == pytest.approx([2 / 3, 0.0], **EXACT)
    assert iou[2:].isnan().all()
    assert confusion.miou() == pytest.approx(1 / 3, **EXACT)


def test_seen_unseen_and_harmonic_come_from_one_joint_matrix():
    confusion = Confusion(3)
    confusion.add(torch.tensor([[6, 2, 2], [0, 5, 5], [1, 0, 9]]))
    iou = [6 / 11, 5 / 12, 9 / 17]
    assert confusion.miou_seen([0, 1]) == pytest.approx((iou[0] + iou[1]) / 2, **EXACT)
    assert confusion.miou_unseen([0, 1]) == pytest.approx(iou[2], **EXACT)
    seen, unseen = (iou[0] + iou[1]) / 2, iou[2]
    assert confusion.hiou([0, 1]) == pytest.approx(2 / (1 / seen + 1 / unseen), **EXACT)
    assert harmonic(0.0, 0.0) == 0.0


def test_mean_accuracy_leaves_out_classes_without_pixels():
    confusion = Confusion(3)
    confusion.add(torch.tensor([[3, 1, 0], [0, 0, 0], [1, 0, 1]]))
    assert confusion.mean_accuracy() == pytest.approx((0.75 + 0.5) / 2, **EXACT)


def test_merge_equals_counting_everything_in_one_place():
    whole, first, second = Confusion(5), Confusion(5), Confusion(5)
    for seed in range(4):
        whole.update(*random_pair(seed))
        (first if seed % 2 else second).update(*random_pair(seed))
    first.merge(second)
    assert torch.equal(first.matrix, whole.matrix)
    assert first.images == 4


def test_all_ignored_gives_nan_scores_and_no_counts():
    confusion = Confusion(2)
    confusion.update(torch.zeros(2, 2, dtype=torch.int64), torch.full((2, 2), 255))
    assert confusion.matrix.sum() == 0
    assert math.isnan(confusion.miou())
    assert math.isnan(confusion.pixel_accuracy())


def test_ignored_id_may_lie_inside_the_classes():
    counts = count_pixels(torch.tensor([[1, 1, 0]]), torch.tensor([[0, 1, 0]]), 2, ignore=0)
    assert counts.tolist() == [[0, 0], [0, 1]]


def test_one_pixel_and_no_pixel():
    assert (
        count_pixels(torch.ones(1, 1, dtype=torch.int64), torch.ones(1, 1, dtype=torch.int64), 2)[1, 1] == 1
    )
    assert (
        count_pixels(torch.ones(0, 3, dtype=torch.int64), torch.ones(0, 3, dtype=torch.int64), 2).sum() == 0
    )


@pytest.mark.parametrize(
    ("prediction", "target", "message"),
    [
        ([[2]], [[0]], "prediction holds id 2; expected 0 to 1 for 2 classes"),
        ([[-1]], [[0]], "prediction holds id -1"),
        ([[0]], [[7]], "ground truth holds id 7; expected 0 to 1 for 2 classes, or 255"),
        ([[0]], [[-3]], "ground truth holds id -3"),
        ([[0]], [[0, 0]], r"expected a prediction of 1 x 2 pixels .* got 1 x 1"),
    ],
)
def test_wrong_masks_are_refused_with_the_value(prediction, target, message):
    with pytest.raises(DataError, match=message):
        count_pixels(torch.tensor(prediction), torch.tensor(target), 2)


def test_merge_refuses_another_number_of_classes():
    with pytest.raises(InputError, match="cannot merge counts of 3 classes"):
        Confusion(2).merge(Confusion(3))


def test_class_ids_out_of_range_are_refused():
    with pytest.raises(InputError, match="from 0 to 1, got 5"):
        Confusion(2).miou_seen([0, 5])
