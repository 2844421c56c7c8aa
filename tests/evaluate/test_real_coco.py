"""Real photos and official annotations of COCO: perfect answers score 100, chance scores what chance gives."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from tagalign.data.benchmarks import open_benchmark
from tagalign.evaluate.ask_dense import component_boxes
from tagalign.evaluate.engine import Plan
from tagalign.evaluate.evaluation import evaluate, evaluate_segmentation
from tagalign.evaluate.score import score_boxes
from tagalign.types import Caption, EncodedLabels, Segmentation, Tagging

pytestmark = pytest.mark.real
SPLIT = "train2017"


def opened(name, folder):
    """The 80 photos are a part of train2017 and say so; here they are the whole set."""
    pytest.importorskip("pycocotools", reason="pycocotools is not installed (extra 'export')")
    data = open_benchmark(name, folder, SPLIT)
    assert data.expected > len(data)
    assert data.missing() == []
    return replace(data, expected=len(data))


class Oracle:
    """Knows the truth of every photo by its pixels; ``answer`` turns the index into an answer."""

    method = "oracle"

    def __init__(self, data, answer):
        self.answer = answer
        self.index = {self.mark(data.image(i)): i for i in range(len(data))}

    @staticmethod
    def mark(image):
        return hash(image.resize((16, 16), Image.Resampling.NEAREST).tobytes())

    def describe(self):
        return {"method": "oracle"}

    def encode_images(self, images):
        return [self.index[self.mark(image)] for image in images]

    def encode_labels(self, labels):
        none = torch.zeros(0, 1)
        return EncodedLabels(
            method=self.method,
            label_set=labels,
            embeds=torch.zeros(len(labels), 1),
            owners=torch.arange(len(labels)),
            background=none,
        )

    def segment(self, image, labels, *, photo=None):
        ids = torch.from_numpy(self.answer(image).astype(np.int64))
        return Segmentation(labels=ids, names=("background", *labels.names), scores=torch.ones(ids.shape))

    def tag(self, image, labels):
        scores, chosen = self.answer(image)
        return Tagging(names=labels.names, scores=tuple(map(float, scores)), chosen=tuple(map(int, chosen)))

    def caption(self, image, *, tags=None):
        return Caption(text=self.answer(image))


def counted(target):
    return np.where(target == 255, 0, target)


def test_drawn_masks_equal_the_given_semantic_masks(real_coco):
    data = opened("coco-object", real_coco)
    for i in range(len(data)):
        expected = np.asarray(Image.open(real_coco / f"semantic/{data.key(i)}.png"))
        assert np.array_equal(data.target(i), expected), data.key(i)


def test_perfect_masks_score_exactly_100(real_coco):
    data = opened("coco-object", real_coco)
    oracle = Oracle(data, lambda i: counted(data.target(i)))
    result = evaluate_segmentation(oracle, data, plan=Plan(batch_size=4), resamples=20)
    assert (result.metrics["miou"], result.metrics["pixel_accuracy"]) == (100.0, 100.0)
    assert (result.images, result.intervals["miou"].low) == (80, 100.0)


def test_pixels_shuffled_within_their_image_score_what_chance_gives(real_coco):
    data = opened("coco-object", real_coco)
    inside, area = np.zeros(81), np.zeros(81)
    for i in range(len(data)):
        target = data.target(i)
        kept = target != 255
        # the answer is the whole image shuffled: expected hits are counted pixels x their share of all pixels
        true = np.bincount(target[kept], minlength=81)
        inside += true * np.bincount(counted(target).ravel(), minlength=81) / target.size
        area += true

    def shuffled(i):
        mask = counted(data.target(i))
        return np.random.default_rng(i).permutation(mask.ravel()).reshape(mask.shape)

    known = area > 0
    predicted = area  # crowds become background, which is a few per mille
    chance = 100 * np.mean(inside[known] / (area + predicted - inside)[known])
    result = evaluate_segmentation(Oracle(data, shuffled), data, resamples=0)
    # hundreds of thousands of pixels per class, rare classes less: half a point is far more than the scatter
    assert result.metrics["miou"] == pytest.approx(chance, abs=0.5)
    assert result.metrics["miou"] < 20


def test_tags_perfect_and_by_chance(real_coco):
    data = opened("coco2017-tags", real_coco)
    truth = [data.truth(i) for i in range(len(data))]
    perfect = Oracle(data, lambda i: (truth[i], np.flatnonzero(truth[i])))
    result = evaluate("tagging", perfect, data, resamples=20)
    assert (result.metrics["map"], result.metrics["micro_f1"]) == (100.0, 100.0)
    # labels that none of the 80 photos shows make the two conventions differ
    absent = sum(not any(row[k] for row in truth) for k in range(80))
    assert result.metrics["map_empty_as_zero"] == pytest.approx(100 * (80 - absent) / 80, abs=1e-9)

    images = len(truth)
    harmonic = sum(1 / r for r in range(1, images + 1))
    positives = np.sum(truth, axis=0)[np.sum(truth, axis=0) > 0]
    # expected average precision of a random order (Bestgen 2015)
    expected = 100 * np.mean((harmonic + (positives - 1) / (images - 1) * (images - harmonic)) / images)
    found = []
    for seed in range(10):
        scores = np.random.default_rng(seed).random((images, 80))
        random = Oracle(data, lambda i, scores=scores: (scores[i], ()))
        found.append(evaluate("tagging", random, data, resamples=0).metrics["map"])
    assert np.mean(found) == pytest.approx(expected, abs=1.5)


def test_captions_own_and_of_other_photos(real_coco):
    data = opened("coco-captions", real_coco)
    own = evaluate("captions", Oracle(data, lambda i: data.references(i)[0]), data, resamples=50)
    other = evaluate(
        "captions", Oracle(data, lambda i: data.references((i + 7) % len(data))[0]), data, resamples=0
    )
    # the challenge's constants keep BLEU a hair below 100
    assert own.metrics["bleu4"] == pytest.approx(100.0, abs=1e-6)
    assert own.metrics["rouge_l"] == pytest.approx(100.0, abs=1e-9)
    assert other.metrics["cider"] < 0.1 * own.metrics["cider"]
    assert own.intervals["cider"].low < own.metrics["cider"] < own.intervals["cider"].high


def box_row(truth, found):
    return {
        "found": found,
        "boxes": truth.boxes.tolist(),
        "labels": truth.labels.tolist(),
        "crowd": truth.crowd.tolist(),
        "areas": truth.areas.tolist(),
    }


def test_boxes_perfect_random_and_of_perfect_masks(real_coco):
    boxes, masks = opened("coco-boxes", real_coco), opened("coco-object", real_coco)
    names = {"classes": list(boxes.labels.names)}
    truths = [boxes.truth(i) for i in range(len(boxes))]
    perfect = [
        box_row(
            t,
            [
                [*box, 0.9, float(k)]
                for box, k, crowd in zip(t.boxes, t.labels, t.crowd, strict=True)
                if not crowd
            ],
        )
        for t in truths
    ]
    assert score_boxes(perfect, names).metrics["ap"] == pytest.approx(100.0, abs=1e-9)
    rng = np.random.default_rng(0)
    corners = [rng.uniform(0, 400, (10, 2)) for _ in truths]
    random = [
        box_row(
            t,
            [
                [*c, *(c + rng.uniform(20, 200, 2)), float(rng.random()), float(rng.integers(80))]
                for c in some
            ],
        )
        for t, some in zip(truths, corners, strict=True)
    ]
    assert score_boxes(random, names).metrics["ap"] < 1
    from_masks = []
    for i, truth in enumerate(truths):
        ids = torch.from_numpy(counted(masks.target(i)).astype(np.int64))
        found = Segmentation(labels=ids, names=masks.class_names, scores=torch.ones(ids.shape))
        from_masks.append(box_row(truth, component_boxes(found, boxes.labels, 16)))
    # touching objects of one label share a component, cut ones have several: far from perfect, far from nothing
    assert 20 < score_boxes(from_masks, names).metrics["ap"] < 90
