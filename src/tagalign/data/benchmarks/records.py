"""What a benchmark is made of once its files are read: one small value per kind of question.

Every set answers ``len``, ``key(i)`` and ``image(i)``; nothing is decoded before it is asked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Integer
from PIL import Image

from tagalign.labels import LabelSet


@runtime_checkable
class BenchmarkSet(Protocol):
    """One split of a benchmark."""

    @property
    def name(self) -> str:
        """Of the benchmark, such as ``voc21``."""
        ...

    @property
    def split(self) -> str:
        """Such as ``val``."""
        ...

    @property
    def expected(self) -> int:
        """Official number of ``unit`` in this split; 0 where there is none."""
        ...

    @property
    def unit(self) -> str:
        """What is counted: ``images``, ``expressions`` or ``questions``."""
        ...

    def __len__(self) -> int:
        """Number of images."""
        ...

    def count(self, index: int) -> int:
        """How many of ``unit`` belong to one image."""
        ...

    def key(self, index: int) -> str:
        """Name of an image, unique in the split."""
        ...

    def image(self, index: int) -> Image.Image:
        """The image, RGB.

        Raises:
            ImageError: if its file cannot be read.
        """
        ...

    def missing(self) -> list[Path]:
        """Files that the split names and the folder lacks."""
        ...


@runtime_checkable
class SegmentationSet(BenchmarkSet, Protocol):
    """Images with a class for every pixel."""

    @property
    def labels(self) -> LabelSet:
        """The labels asked for, without background."""
        ...

    @property
    def has_background(self) -> bool:
        """Whether class 0 is the background and label ``k`` is class ``k + 1``."""
        ...

    @property
    def ignore(self) -> int:
        """Id of pixels that are not counted."""
        ...

    @property
    def merge(self) -> tuple[int, ...] | None:
        """Class that each predicted label counts as, where labels are finer than classes; None: as it is."""
        ...

    @property
    def unseen(self) -> tuple[int, ...]:
        """Labels that zero-shot training must not see; none where there is no such split."""
        ...

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of what is scored, in the order of the ids; ``background`` first where there is one."""
        ...

    def target(self, index: int) -> Integer[np.ndarray, "height width"]:
        """Classes of the pixels, ids from 0, or ``ignore``.

        Raises:
            DataError: if the mask is missing, damaged, of another size than its image, or holds a wrong id.
        """
        ...


@runtime_checkable
class TaggingSet(BenchmarkSet, Protocol):
    """Images with the labels that are in them."""

    @property
    def labels(self) -> LabelSet:
        """The labels asked for."""
        ...

    def truth(self, index: int) -> Integer[np.ndarray, " labels"]:
        """1 present, 0 absent, -1 not to be counted."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class Expression:
    """One phrase and the region it means.

    Attributes:
        phrase: as it was written.
        mask: at the size of the image.
    """

    phrase: str
    mask: Bool[np.ndarray, "height width"]


@runtime_checkable
class ReferringSet(BenchmarkSet, Protocol):
    """Images with phrases."""

    def expressions(self, index: int) -> Sequence[Expression]:
        """All phrases of one image."""
        ...


@runtime_checkable
class CaptionSet(BenchmarkSet, Protocol):
    """Images with sentences."""

    def references(self, index: int) -> tuple[str, ...]:
        """Sentences of people."""
        ...

    def domain(self, index: int) -> str | None:
        """Part of the set that is also scored on its own (NoCaps); None where there are no parts."""
        ...


@dataclass(frozen=True, kw_only=True)
class Question:
    """One question about an image.

    Attributes:
        id: official id, as text.
        text: the question.
        answers: what people answered, ten in VQA v2; empty where they are secret.
    """

    id: str
    text: str
    answers: tuple[str, ...] = ()


@runtime_checkable
class QuestionSet(BenchmarkSet, Protocol):
    """Images with questions."""

    def questions(self, index: int) -> tuple[Question, ...]:
        """All questions about one image."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class TrueBoxes:
    """Boxes of one image.

    Attributes:
        boxes: XYXY in pixels, ends exclusive.
        labels: id of each box's label.
        crowd: boxes around a crowd: finding them earns nothing and costs nothing.
        areas: area of each object's mask in pixels, which decides whether it counts as small, medium or large.
    """

    boxes: Float[np.ndarray, "boxes 4"]
    labels: Integer[np.ndarray, " boxes"]
    crowd: Bool[np.ndarray, " boxes"]
    areas: Float[np.ndarray, " boxes"]


@runtime_checkable
class BoxSet(BenchmarkSet, Protocol):
    """Images with a box around every object."""

    @property
    def labels(self) -> LabelSet:
        """The labels asked for."""
        ...

    def truth(self, index: int) -> TrueBoxes:
        """All boxes of one image."""
        ...
