"""The background rule and its threshold, against plain loops over every pixel and every candidate."""

import numpy as np
import torch
from PIL import Image

from tagalign.data.benchmarks.tiny import tiny_segmentation
from tagalign.evaluate.background import STEPS, WithBackground, best_threshold
from tagalign.methods.protocols import Segmenter
from tagalign.types import EncodedLabels, Segmentation

DATA = tiny_segmentation("objects", scenes=3, split="validation")


class Noisy:
    """The right label almost everywhere, surer where something is."""

    method = "noisy"

    def encode_images(self, images):
        return [np.asarray(image) for image in images]

    def encode_labels(self, labels):
        zeros = torch.zeros(len(labels), 2)
        return EncodedLabels(
            method=self.method,
            label_set=labels,
            embeds=zeros,
            owners=torch.arange(len(labels)),
            background=zeros[:0],
        )

    def describe(self):
        return {"method": self.method}

    def segment(self, image, labels, *, photo=None):
        index = next(i for i in range(len(DATA)) if np.array_equal(np.asarray(DATA.image(i)), image))
        truth = torch.from_numpy(DATA.target(index))
        noise = torch.rand(truth.shape, generator=torch.Generator().manual_seed(index))
        scores = 0.7 * noise + 0.3 * (truth > 0)
        return Segmentation(labels=(truth - 1).clamp(min=0).long(), names=labels.names, scores=scores)


def loop_miou(threshold):
    """Mean IoU of the three scenes, class by class in plain numpy."""
    method, labels = Noisy(), DATA.labels
    pairs = []
    for i in range(len(DATA)):
        found = method.segment(np.asarray(DATA.image(i)), method.encode_labels(labels))
        ids = np.where(found.scores.numpy() > threshold, found.labels.numpy() + 1, 0)
        pairs.append((ids, DATA.target(i)))
    ious = []
    for k in range(len(labels) + 1):
        inside = sum(int(((a == k) & (b == k)).sum()) for a, b in pairs)
        union = sum(int(((a == k) | (b == k)).sum()) for a, b in pairs)
        if union:
            ious.append(inside / union)
    return sum(ious) / len(ious)


def test_the_best_of_forty_quantiles_is_found():
    method = Noisy()
    found = best_threshold(method, DATA, batch_size=2)
    encoded = method.encode_labels(DATA.labels)
    scores = [method.segment(np.asarray(DATA.image(i)), encoded).scores.flatten() for i in range(len(DATA))]
    ranked = sorted(torch.cat(scores).tolist())
    shares = [k / (STEPS + 1) for k in range(1, STEPS + 1)]
    candidates = [
        ranked[int(np.float32(np.float32(share) * np.float32(len(ranked) - 1)))] for share in shares
    ]
    assert found in candidates
    assert loop_miou(found) == max(map(loop_miou, candidates))


def test_a_tie_with_the_threshold_is_background():
    class Flat(Noisy):
        def segment(self, image, labels, *, photo=None):
            scores = torch.tensor([[0.25, 0.5, 0.75]])
            return Segmentation(labels=torch.tensor([[0, 1, 1]]), names=labels.names, scores=scores)

    method = WithBackground(Flat(), 0.5)
    assert isinstance(method, Segmenter)
    encoded = method.encode_images([Image.new("RGB", (3, 1))])
    found = method.segment(encoded[0], method.encode_labels(DATA.labels))
    assert found.labels.tolist() == [[0, 0, 2]]
    assert found.names == ("background", *DATA.labels.names)
    assert method.describe() == {"method": "noisy", "threshold": 0.5}
