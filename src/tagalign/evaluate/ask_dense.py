"""Asking for pixels: segmentation, referring masks, and boxes around the components of masks."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Integer
from PIL import Image

from tagalign.data.benchmarks.records import BoxSet, Expression, ReferringSet, SegmentationSet, TrueBoxes
from tagalign.errors import InputError
from tagalign.evaluate.asking import AsksLabels, AsksMethod, describe_labels
from tagalign.evaluate.rows import Row
from tagalign.evaluate.segmentation import count_pixels
from tagalign.labels import LabelSet
from tagalign.methods.protocols import Method, Referrer, Segmenter
from tagalign.ops.masks import boxes_around, connected_components
from tagalign.types import Segmentation


def fit_labels(own: LabelSet, given: LabelSet | None) -> LabelSet:
    """The labels to ask for: the benchmark's own names without other words for them, or the words that are given.

    Raises:
        InputError: if their numbers differ.
    """
    if given is not None and len(given) != len(own):
        raise InputError(
            f"the benchmark has {len(own)} labels, label set {given.name!r} has {len(given)}; "
            "give one name per class, in the order of the classes"
        )
    return given or replace(own, labels=tuple(replace(label, aliases=()) for label in own.labels))


@dataclass(frozen=True, eq=False)
class AskSegmentation(AsksLabels):
    """A class for every pixel.

    Attributes:
        method: what answers.
        data: the benchmark.
        labels: what is asked; the benchmark's own names by default.
    """

    method: Method[Any]
    data: SegmentationSet
    labels: LabelSet
    kind: str = "segmentation"

    def truth(self, index: int) -> Integer[np.ndarray, "height width"]:
        """Classes of the pixels."""
        return self.data.target(index)

    def segment(self, encoded: Any, image: Image.Image) -> Segmentation:
        """The method's answer.

        Raises:
            InputError: if the method cannot segment.
        """
        if not isinstance(self.method, Segmenter):
            raise InputError(f"method {self.method.method!r} cannot segment")
        return self.method.segment(encoded, self.encoded, photo=image)

    def classes_of(self, found: Segmentation) -> Integer[torch.Tensor, "height width"]:
        """The answer in the benchmark's classes.

        Raises:
            InputError: if the method answers with a background class and the benchmark has none, or the reverse.
        """
        # a background class that one side lacks shifts every id by one: all numbers would be wrong and look right
        has_background = len(found.names) == len(self.labels) + 1
        if has_background != self.data.has_background or abs(len(found.names) - len(self.labels)) > 1:
            wanted = "a background class" if self.data.has_background else "no background class"
            turn = "on" if self.data.has_background else "off"
            raise InputError(
                f"{self.data.name} has {wanted}, but method {self.method.method!r} answered with {len(found.names)} classes "
                f"for {len(self.labels)} labels; turn its background rule {turn} (background_rule=...)"
            )
        labels = found.labels.cpu()
        # asked in the finer names, scored in the merged classes, as COCO-Stuff's 171 in 27 are
        if self.data.merge is not None:
            labels = torch.tensor(self.data.merge)[labels]
        return labels

    def row(self, encoded: Any, image: Image.Image, truth: Integer[np.ndarray, "height width"]) -> Row:
        """Pixels of each pair of true and predicted class: ``[true * classes + predicted, pixels, ...]``."""
        classes = self.classes_of(self.segment(encoded, image))
        size = len(self.data.class_names)
        counts = count_pixels(
            classes, torch.from_numpy(np.ascontiguousarray(truth)), size, ignore=self.data.ignore
        )
        flat = counts.flatten().numpy()
        cells = np.flatnonzero(flat)
        # as pairs: of the 171 x 171 cells of COCO-Stuff one image fills few
        return {"cells": np.stack([cells, flat[cells]], axis=1).ravel().tolist()}

    def scoring(self) -> dict[str, Any]:
        """Names of the classes, and those that zero-shot training must not see."""
        shift = int(self.data.has_background)
        return {"classes": list(self.data.class_names), "unseen": [i + shift for i in self.data.unseen]}


@dataclass(frozen=True, eq=False)
class AskReferring(AsksMethod):
    """The region of every phrase."""

    method: Method[Any]
    data: ReferringSet
    kind: str = "referring"

    def truth(self, index: int) -> Sequence[Expression]:
        """Phrases and true masks."""
        return self.data.expressions(index)

    def row(self, encoded: Any, image: Image.Image, truth: Sequence[Expression]) -> Row:
        """Intersection and union in pixels of each phrase.

        Raises:
            InputError: if the method cannot find phrases.
        """
        if not isinstance(self.method, Referrer):
            raise InputError(f"method {self.method.method!r} cannot find phrases")
        areas = []
        for expression in truth:
            mask = self.method.refer(encoded, expression.phrase).mask.cpu().numpy()
            areas.append([int((mask & expression.mask).sum()), int((mask | expression.mask).sum())])
        return {"phrases": [e.phrase for e in truth], "areas": areas}

    def scoring(self) -> dict[str, Any]:
        """Nothing beside the rows."""
        return {}


MIN_BOX_PIXELS = 16  # smaller components are noise at the size of a photo


@dataclass(frozen=True, eq=False)
class AskBoxes(AsksLabels):
    """Boxes around the connected components of each label's mask, scored by their mean pixel score.

    An open question of the review of TagAlign: how good are the boxes that a segmenter gives for nothing?
    """

    method: Method[Any]
    data: BoxSet
    labels: LabelSet
    min_pixels: int = MIN_BOX_PIXELS
    kind: str = "boxes"

    def truth(self, index: int) -> TrueBoxes:
        """True boxes."""
        return self.data.truth(index)

    def row(self, encoded: Any, image: Image.Image, truth: TrueBoxes) -> Row:
        """Found and true boxes, XYXY.

        Raises:
            InputError: if the method cannot segment.
        """
        if not isinstance(self.method, Segmenter):
            raise InputError(f"method {self.method.method!r} cannot segment")
        found = self.method.segment(encoded, self.encoded, photo=image)
        return {
            "found": component_boxes(found, self.labels, self.min_pixels),
            "boxes": truth.boxes.tolist(),
            "labels": truth.labels.tolist(),
            "crowd": truth.crowd.tolist(),
            "areas": truth.areas.tolist(),
        }

    def settings(self) -> dict[str, Any]:
        """Benchmark, labels, method and the smallest component."""
        own = {"min_pixels": self.min_pixels, "labels": describe_labels(self.labels)}
        return self.benchmark() | own | {"model": self.method.describe()}

    def scoring(self) -> dict[str, Any]:
        """Names of the labels."""
        return {"classes": list(self.data.labels.names)}


def component_boxes(found: Segmentation, labels: LabelSet, min_pixels: int) -> list[list[float]]:
    """``[left, top, right, bottom, score, label]`` of each component of at least ``min_pixels`` pixels.

    The score is the mean of the winning pixel scores in the component, in the method's own range. Background pixels
    (where the answer has one name more than ``labels``) have no box.
    """
    shift = len(found.names) - len(labels)
    ids, scores = found.labels.cpu(), found.scores.cpu().float()
    boxes: list[list[float]] = []
    for label in sorted(set(ids.unique().tolist()) - set(range(shift))):
        components, counts = connected_components((ids == label)[None])
        areas = components[0].flatten().bincount(minlength=int(counts[0]) + 1)
        sums = components[0].flatten().bincount(scores.flatten().double(), minlength=int(counts[0]) + 1)
        for one in range(1, int(counts[0]) + 1):
            if int(areas[one]) >= min_pixels:
                box = boxes_around(components == one)[0].tolist()
                boxes.append(
                    [*map(float, box), round(float(sums[one] / areas[one]), 9), float(label - shift)]
                )
    return boxes
