"""A small benchmark in memory, and methods that answer it perfectly, wrongly or not at all."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tagalign.data.benchmarks.records import Expression, Question, TrueBoxes
from tagalign.errors import DataError
from tagalign.labels import IGNORE, Label, LabelSet
from tagalign.types import Caption, EncodedLabels, Referring, Segmentation, Tagging

NAMES = ("cat", "dog", "tree")


@dataclass(frozen=True, kw_only=True, eq=False)
class ToySet:
    """Images whose red channel is the class of the pixel: a method can read the truth off them."""

    has_background: bool = False
    images: int = 6
    broken: tuple[int, ...] = ()
    name: str = "toy"
    split: str = "val"
    expected: int = 6
    unit: str = "images"
    ignore: int = IGNORE
    merge: tuple[int, ...] | None = None
    unseen: tuple[int, ...] = ()
    labels: LabelSet = field(
        default_factory=lambda: LabelSet(name="toy", labels=tuple(Label(name=n) for n in NAMES))
    )

    @property
    def class_names(self):
        return ("background", *NAMES) if self.has_background else NAMES

    def __len__(self):
        return self.images

    def count(self, index):
        return 1

    def key(self, index):
        return f"image-{index}"

    def image(self, index):
        ids = self._ids(index)
        return Image.fromarray(np.stack([ids] * 3, axis=-1).astype(np.uint8))

    def _ids(self, index):
        size = (8 + index % 2, 10)
        return np.random.default_rng(index).integers(0, len(self.class_names), size)

    def target(self, index):
        if index in self.broken:
            raise DataError(f"mask-{index}.png: no such mask")
        ids = self._ids(index)
        ids[0, 0] = IGNORE
        return ids

    def truth(self, index):
        ids = self._ids(index)
        return np.array([(ids == k).sum() > ids.size / 3 for k in range(3)], dtype=np.int8)

    def expressions(self, index):
        return [Expression(phrase=name, mask=self._ids(index) == k) for k, name in enumerate(NAMES)]

    def references(self, index):
        return (f"a cat number {index} on the grass", f"one cat and {index} dogs here")

    def domain(self, index):
        return "near" if index % 2 else "out"

    def questions(self, index):
        return (Question(id=f"{index}-0", text="how many?", answers=(str(index),) * 10),)

    def missing(self):
        return []


class ToyBoxes(ToySet):
    def truth(self, index):
        return TrueBoxes(
            boxes=np.array([[1.0, 1.0, 5.0, 5.0]]),
            labels=np.array([index % 3]),
            crowd=np.array([False]),
            areas=np.array([16.0]),
        )


@dataclass
class ToyMethod:
    """Answers from the pixels; ``wrong`` shifts every class by one."""

    background: bool = False
    wrong: bool = False
    method: str = "toy"
    batches: list = field(default_factory=list)
    stop_after: int | None = None

    def describe(self):
        return {"method": self.method, "model": "pixels", "wrong": self.wrong}

    def encode_images(self, images):
        self.batches.append(len(images))
        if self.stop_after is not None and len(self.batches) > self.stop_after:
            raise KeyboardInterrupt
        return [np.asarray(image)[..., 0].astype(np.int64) for image in images]

    def encode_labels(self, labels):
        embeds = torch.eye(len(labels))
        return EncodedLabels(
            method=self.method,
            label_set=labels,
            embeds=embeds,
            owners=torch.arange(len(labels)),
            background=embeds[:0],
        )

    def segment(self, image, labels, *, photo=None):
        names = ("background", *labels.names) if self.background else labels.names
        ids = torch.from_numpy((image + self.wrong) % len(names))
        return Segmentation(labels=ids, names=names, scores=torch.ones(ids.shape))

    def tag(self, image, labels):
        scores = [float((image == k).mean()) for k in range(len(labels.names))]
        chosen = tuple(k for k, score in enumerate(scores) if score > 1 / 3)
        return Tagging(names=labels.names, scores=tuple(scores), chosen=chosen)

    def refer(self, image, phrase):
        mask = torch.from_numpy(image == (NAMES.index(phrase) + self.wrong) % 3)
        return Referring(phrase=phrase, mask=mask, box=None, score=1.0, heat=mask.float())

    def caption(self, image, *, tags=None):
        return Caption(text="a cat on the grass")

    def answer(self, image, question):
        return "3"


@pytest.fixture
def toy_set():
    return ToySet


@pytest.fixture
def toy_boxes():
    return ToyBoxes


@pytest.fixture
def toy_method():
    return ToyMethod


@pytest.fixture
def real_coco():
    path = Path(__file__).parents[3] / "shared/data/coco_mini"
    if not path.exists():
        pytest.skip(f"no real data at {path}")
    return path
