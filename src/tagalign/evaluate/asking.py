"""What all ways to ask a method about a benchmark share."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from PIL import Image

from tagalign.evaluate.rows import Row
from tagalign.labels import LabelSet
from tagalign.methods.protocols import Method
from tagalign.types import EncodedLabels


def describe_labels(labels: LabelSet) -> dict[str, Any]:
    """A label set as results name it: all of its words, so that a changed list is another evaluation."""
    return {
        "name": labels.name,
        "version": labels.version,
        "names": list(labels.names),
        "aliases": [list(label.aliases) for label in labels.labels],
        "background": list(labels.background),
        "templates": list(labels.templates),
    }


class AsksMethod:
    """Images go to the method that is asked. Whoever inherits has these fields, and ``rows`` or a ``row`` per image."""

    method: Method[Any]
    data: Any
    kind: str

    def encode(self, images: Sequence[Image.Image]) -> Sequence[Any]:
        """Encode a batch."""
        return self.method.encode_images(images)

    def rows(self, encoded: Sequence[Any], images: Sequence[Image.Image], truths: Sequence[Any]) -> list[Row]:
        """One row per image."""
        return [self.row(*one) for one in zip(encoded, images, truths, strict=True)]

    def row(self, encoded: Any, image: Image.Image, truth: Any) -> Row:
        """The answer for one image, compared with the truth."""
        raise NotImplementedError

    def benchmark(self) -> dict[str, Any]:
        """What was asked about, as settings name it."""
        return {"kind": self.kind, "benchmark": self.data.name, "split": self.data.split}

    def settings(self) -> dict[str, Any]:
        """Benchmark and method."""
        return self.benchmark() | {"model": self.method.describe()}


class AsksLabels(AsksMethod):
    """The same with a list of labels."""

    labels: LabelSet

    @cached_property
    def encoded(self) -> EncodedLabels:
        """The labels, encoded once."""
        return self.method.encode_labels(self.labels)

    def settings(self) -> dict[str, Any]:
        """Benchmark, labels and method."""
        return self.benchmark() | {
            "labels": describe_labels(self.labels),
            "model": self.method.describe(),
        }
