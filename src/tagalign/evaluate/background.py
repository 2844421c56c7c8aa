"""The background rule, laid on a method that has none of its own, and its threshold chosen on images kept aside.

Methods live on different parts of the score scale: raw CLIP and a trained projector need thresholds of their own, chosen
by the same rule, before their masks can be compared.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from PIL import Image

from tagalign.data.benchmarks.records import SegmentationSet
from tagalign.evaluate.ask_dense import fit_labels
from tagalign.evaluate.segmentation import Confusion
from tagalign.labels import LabelSet
from tagalign.methods.protocols import Segmenter
from tagalign.types import EncodedLabels, Segmentation

STEPS = 40
"""Candidates: so many quantiles of the best score over all pixels."""


class WithBackground:
    """A segmenter whose masks are background where the best score is at most a threshold.

    Attributes:
        inner: answers without a background class.
        method: its name, so that values that it encoded are taken.
        threshold: in the range of its scores.
    """

    def __init__(self, inner: Segmenter[Any], threshold: float) -> None:
        self.inner, self.method, self.threshold = inner, inner.method, threshold

    def encode_images(self, images: Sequence[Image.Image]) -> list[Any]:
        """As the inner method."""
        return self.inner.encode_images(images)

    def encode_labels(self, labels: LabelSet) -> EncodedLabels:
        """As the inner method."""
        return self.inner.encode_labels(labels)

    def describe(self) -> dict[str, object]:
        """The inner method and the threshold."""
        return {**self.inner.describe(), "threshold": self.threshold}

    def segment(self, image: Any, labels: EncodedLabels, *, photo: Image.Image | None = None) -> Segmentation:
        """The inner answer with background as class 0."""
        return laid(self.inner.segment(image, labels, photo=photo), self.threshold)


def laid(found: Segmentation, threshold: float) -> Segmentation:
    """The rule: background where the score of the winning label is at most ``threshold``."""
    labels = torch.where(found.scores > threshold, found.labels + 1, 0)
    return Segmentation(labels=labels, names=("background", *found.names), scores=found.scores)


def best_threshold(
    method: Segmenter[Any],
    data: SegmentationSet,
    *,
    labels: LabelSet | None = None,
    images: int | None = None,
    batch_size: int = 64,
) -> float:
    """The quantile of the best score that gives the highest mIoU; the lowest of equals.

    Args:
        method: answers without a background class.
        data: a benchmark with one; images that are not tested on.
        labels: other words for the same classes.
        images: only the first so many.
        batch_size: images encoded together.
    """
    encoded = method.encode_labels(fit_labels(data.labels, labels))
    answers = [
        (method.segment(one, encoded, photo=photo), torch.from_numpy(data.target(index)))
        for index, photo, one in _encoded(method, data, images or len(data), batch_size)
    ]
    # quantile() refuses inputs of this size; a sorted sample is exact enough for a threshold
    ranked = torch.cat([found.scores.flatten() for found, _ in answers]).sort().values
    shares = torch.linspace(0, 1, STEPS + 2)[1:-1]
    candidates = ranked[(shares * (len(ranked) - 1)).long()].tolist()

    def miou(threshold: float) -> float:
        confusion = Confusion(len(data.class_names), ignore=data.ignore)
        for found, truth in answers:
            confusion.update(laid(found, threshold).labels, truth)
        return confusion.miou()

    return float(max(candidates, key=miou))


def _encoded(
    method: Segmenter[Any], data: SegmentationSet, images: int, batch_size: int
) -> Iterator[tuple[int, Image.Image, Any]]:
    count = min(images, len(data))
    for start in range(0, count, batch_size):
        places = range(start, min(start + batch_size, count))
        photos = [data.image(i) for i in places]
        yield from zip(places, photos, method.encode_images(photos), strict=True)
