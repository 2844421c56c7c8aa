"""Box AP against pycocotools on random boxes, crowds and sizes, and by hand."""

import contextlib
import io
import math

import numpy as np
import pytest

from tagalign.evaluate.boxes import ImageBoxes, box_iou, detection_scores


def random_images(seed, images=12, labels=3):
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(images):
        true = _boxes(rng, rng.integers(0, 6))
        near = true[rng.random(len(true)) < 0.7] + rng.normal(scale=4, size=(1, 4))
        near[:, 2:] = np.maximum(near[:, 2:], near[:, :2] + 1)
        mine = np.concatenate([near, _boxes(rng, rng.integers(0, 5))])
        found.append(
            ImageBoxes(
                found=mine,
                scores=rng.random(len(mine)),
                found_labels=rng.integers(0, labels, len(mine)),
                true=true,
                true_labels=rng.integers(0, labels, len(true)),
                crowd=rng.random(len(true)) < 0.15,
                areas=(true[:, 2:] - true[:, :2]).prod(-1) * rng.uniform(0.5, 1, len(true)),
            )
        )
    return found


def _boxes(rng, count):
    corner = rng.uniform(0, 300, (count, 2))
    return np.concatenate([corner, corner + rng.uniform(8, 180, (count, 2))], axis=1)


def xywh(box):
    return [box[0], box[1], box[2] - box[0], box[3] - box[1]]


def pycoco_scores(images, labels):
    coco = pytest.importorskip("pycocotools.coco", reason="pycocotools is not installed (extra 'export')")
    from pycocotools.cocoeval import COCOeval

    truth = {"images": [{"id": i + 1} for i in range(len(images))], "annotations": []}
    truth["categories"] = [{"id": k + 1, "name": str(k)} for k in range(labels)]
    results = []
    for i, image in enumerate(images, start=1):
        for box, label, crowd, area in zip(
            image.true, image.true_labels, image.crowd, image.areas, strict=True
        ):
            row = {"id": len(truth["annotations"]) + 1, "image_id": i, "category_id": int(label) + 1}
            row |= {"bbox": xywh(box), "area": float(area), "iscrowd": int(crowd)}
            truth["annotations"].append(row)
        for box, label, score in zip(image.found, image.found_labels, image.scores, strict=True):
            results.append(
                {"image_id": i, "category_id": int(label) + 1, "bbox": xywh(box), "score": float(score)}
            )
    with contextlib.redirect_stdout(io.StringIO()):
        one = coco.COCO()
        one.dataset = truth
        one.createIndex()
        judge = COCOeval(one, one.loadRes(results), "bbox")
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    return judge.stats[:6]


@pytest.mark.parametrize("seed", range(3))
def test_scores_equal_pycocotools(seed):
    images = random_images(seed)
    ours = list(detection_scores(images, 3).values())
    # sums of float64 in the same order; -1 there is NaN here
    theirs = [math.nan if value == -1 else value for value in pycoco_scores(images, 3)]
    assert ours == pytest.approx(theirs, abs=1e-9, nan_ok=True)


def perfect(true, labels):
    areas = (true[:, 2:] - true[:, :2]).prod(-1)
    return ImageBoxes(
        found=true,
        scores=np.linspace(1, 0.5, len(true)),
        found_labels=labels,
        true=true,
        true_labels=labels,
        crowd=np.zeros(len(true), dtype=bool),
        areas=areas,
    )


def test_perfect_boxes_score_one():
    rng = np.random.default_rng(0)
    images = [perfect(_boxes(rng, 4), np.array([0, 1, 1, 2])) for _ in range(3)]
    assert detection_scores(images, 3)["ap"] == pytest.approx(1.0, abs=1e-12)


def test_nothing_found_scores_zero_and_nothing_to_find_is_nan():
    none = np.zeros((0, 4))
    one = perfect(np.array([[0.0, 0.0, 9.0, 9.0]]), np.array([0]))
    missed = ImageBoxes(
        **{**vars(one), "found": none, "scores": np.zeros(0), "found_labels": np.zeros(0, np.int64)}
    )
    scores = detection_scores([missed], 2)
    assert scores["ap"] == 0.0
    assert math.isnan(scores["ap_large"])


def test_iou_of_a_crowd_is_over_the_found_box():
    found, true = np.array([[0.0, 0.0, 2.0, 2.0]]), np.array([[0.0, 0.0, 4.0, 4.0]])
    assert box_iou(found, true, np.array([False]))[0, 0] == pytest.approx(4 / 16)
    assert box_iou(found, true, np.array([True]))[0, 0] == 1.0
