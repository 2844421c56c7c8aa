"""A method without weights that answers everything, so that programs around a model can be tested without one."""

import time
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from tagalign.errors import ImageError
from tagalign.labels import LabelSet, Size
from tagalign.tasks.model import Model
from tagalign.types import Caption, EncodedLabels, Referring, Segmentation, Tagging

BAD_SIDE = 13
"""Images of 13 x 13 pixels cannot be "encoded"."""


class StubMethod:
    """The left half of a photo is the first label, the right half the last; scores fall along the list.

    Attributes:
        method: ``stub``.
        delay_s: how long a batch takes.
        batches: sizes of the batches that were encoded.
        encoded_labels: names of the label lists that were encoded.
    """

    method = "stub"

    def __init__(self, *, delay_s: float = 0.0) -> None:
        self.delay_s = delay_s
        self.batches: list[int] = []
        self.encoded_labels: list[tuple[str, ...]] = []

    def encode_images(self, images: Sequence[Image.Image]) -> list[np.ndarray]:
        """The pixels themselves.

        Raises:
            ImageError: for an image of 13 x 13 pixels.
        """
        self.batches.append(len(images))
        time.sleep(self.delay_s)
        if any(image.size == (BAD_SIDE, BAD_SIDE) for image in images):
            raise ImageError("an image of this size cannot be encoded")
        return [np.asarray(image) for image in images]

    def encode_labels(self, labels: LabelSet) -> EncodedLabels:
        """Zeros."""
        self.encoded_labels.append(labels.names)
        embeds = torch.zeros(len(labels), 2)
        return EncodedLabels(
            method=self.method,
            label_set=labels,
            embeds=embeds,
            owners=torch.arange(len(labels)),
            background=embeds[:0],
        )

    def describe(self) -> dict[str, object]:
        """The name, and no weights."""
        return {"method": self.method, "weights": None}

    def tag(self, image: np.ndarray, labels: EncodedLabels) -> Tagging:
        """Scores 1, 1/2, 1/3 ...; the first label is chosen."""
        scores = tuple(1 / (i + 1) for i in range(len(labels.names)))
        return Tagging(names=labels.names, scores=scores, chosen=(0,))

    def segment(
        self, image: np.ndarray, labels: EncodedLabels, *, photo: Image.Image | None = None
    ) -> Segmentation:
        """Left and right half."""
        ids = torch.zeros(image.shape[:2], dtype=torch.int64)
        ids[:, image.shape[1] // 2 :] = len(labels.names) - 1
        return Segmentation(labels=ids, names=labels.names, scores=torch.full(ids.shape, 0.5))

    def heat_maps(
        self, image: np.ndarray, labels: EncodedLabels, *, size: Size | None = None
    ) -> Float[Tensor, "labels height width"]:
        """Ramps from left to right, lower along the list."""
        height, width = size or image.shape[:2]
        ramp = torch.linspace(0, 1, width).expand(height, width)
        return torch.stack([ramp / (i + 1) for i in range(len(labels.names))])

    def refer(self, image: np.ndarray, phrase: str) -> Referring:
        """A box near the top left; none for a phrase with the word "nothing"."""
        mask = torch.zeros(image.shape[:2], dtype=torch.bool)
        if "nothing" in phrase:
            return Referring(phrase=phrase, mask=mask, box=None, score=0.1, heat=mask.float())
        mask[1:3, 2:6] = True
        return Referring(phrase=phrase, mask=mask, box=(2, 1, 6, 3), score=0.8, heat=mask.float())

    def caption(self, image: np.ndarray, *, tags: Sequence[str] | None = None) -> Caption:
        """A sentence of the tags that were given."""
        if tags is None:
            return Caption(text="a photo", tags={"photo": 0.9})
        return Caption(text=f"a photo of {' and '.join(tags)}", tags=dict.fromkeys(tags, 1.0))

    def answer(self, image: np.ndarray, question: str) -> str:
        """Yes; a question with the word "crash" is a fault, as a bug of a method would be."""
        if "crash" in question:
            raise RuntimeError("secret detail of the machine")
        return "yes"


def stub_model(*, delay_s: float = 0.0) -> Model:
    """A model that needs no weights."""
    return Model(StubMethod(delay_s=delay_s))
