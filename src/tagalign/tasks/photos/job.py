"""A question and the model that answers it: plain values that another process can open, and the same opened."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from PIL import Image

from tagalign.backbones.preprocess import SeenSize
from tagalign.errors import InputError
from tagalign.json_text import json_text
from tagalign.labels import Size
from tagalign.methods.load import load_method
from tagalign.methods.protocols import SaysSeenSize
from tagalign.tasks.photos.questions import Asked, PhotoQuestion
from tagalign.tasks.photos.second_look import SecondLook, open_second_look
from tagalign.tasks.photos.source import PhotoSource
from tagalign.tasks.photos.stream import Answered, answer_photos
from tagalign.types import EncodedLabels, Segmentation

DECODED = 2
"""Pixels a side that are decoded for one that is seen, at least. With 1 the decoder alone would smooth, and other than the
resizing after it: twice as many pixels of a mask changed."""


@dataclass(frozen=True, kw_only=True)
class JobSpec:
    """Everything that decides the result; plain values.

    Attributes:
        question: what is asked of every photo.
        model: name for ``tagalign.load``.
        method: likewise; None for the model's own.
        options: of the method.
        device: ``auto``, ``cpu`` or ``cuda``; does not count for the result.
        batch_size: photos in one pass; likewise.
        workers: threads that decode; likewise.
        disagreement: what answers a second time: ``flip`` or a method; None for nothing.
        fast_decode: decode large JPEGs at 1/2, 1/4 or 1/8, never below twice the size that the method sees, and resize by
            vector units.
    """

    question: PhotoQuestion
    model: str = "tiny"
    method: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    device: str = "auto"
    batch_size: int = 8
    workers: int = 2
    disagreement: str | None = None
    fast_decode: bool = False

    def open(self) -> "Job":
        """Load the model and encode the labels.

        Raises:
            InputError: if the method cannot answer the question.
        """
        method = load_method(
            self.model, method=self.method, device=self.device, batch_size=self.batch_size, **self.options
        )
        return self.asking(self.question.put(method))

    def asking(self, asked: Asked) -> "Job":
        """The same with a question that was put to the method already.

        Raises:
            InputError: if photos shall be decoded small for a method that does not say what it sees.
        """
        job = self._asking(asked)
        job.seen()  # said before the first photo
        return job

    def _asking(self, asked: Asked) -> "Job":
        if self.disagreement is None:
            return Job(spec=self, asked=asked)
        facts = {name: getattr(self, name) for name in ("model", "device", "batch_size", "options")}
        return Job(spec=self, asked=asked, second=open_second_look(self.disagreement, asked, **facts))


@dataclass(frozen=True, kw_only=True, eq=False)
class Job:
    """An opened ``JobSpec``."""

    spec: JobSpec
    asked: Asked
    second: SecondLook | None = None

    @property
    def method(self) -> Any:
        """That answers."""
        return self.asked.method

    @property
    def labels(self) -> EncodedLabels:
        """Encoded by the method; of questions about labels alone."""
        if self.asked.labels is None:
            raise AssertionError("this question has no labels")
        return self.asked.labels

    def mask_names(self) -> tuple[str, ...]:
        """What the ids of the masks mean: the labels, behind ``background`` where the method has that rule."""
        probe = Image.new("RGB", (8, 8))
        (encoded,) = self.method.encode_images([probe])
        found: Segmentation = self.method.segment(encoded, self.labels, photo=probe)
        return found.names

    def describe(self) -> dict[str, object]:
        """What a result must name; equal descriptions give equal results."""
        question = self.spec.question
        second = {} if self.second is None else {"disagreement": self._described_second()}
        fast = {"fast_decode": True} if self.spec.fast_decode else {}  # runs without it go on as they began
        return {
            "kind": question.kind,
            "model": self.method.describe(),
            **self.asked.describe(),
            **second,
            **fast,
        }

    def _described_second(self) -> object:
        if self.second is None or self.second.mirrored:
            return self.spec.disagreement
        return self.second.asked.method.describe()

    def seen(self) -> SeenSize | None:
        """The size that must be left of a photo, twice what any that answers sees; None where all of it is decoded.

        Raises:
            InputError: for a method that does not say.
        """
        if not self.spec.fast_decode:
            return None
        methods = [self.method, *([] if self.second is None else [self.second.asked.method])]
        for method in methods:
            if not isinstance(method, SaysSeenSize):
                raise InputError(
                    f"--fast-decode: method {method.method!r} does not say how large a picture it needs; leave it out"
                )
        return partial(_largest, methods)

    def fingerprint(self) -> str:
        """16 hex digits of ``describe``."""
        return job_mark(self.describe())

    def run(self, sources: Iterable[PhotoSource]) -> Iterator[Answered]:
        """Answers in the order of the photos; one that fails comes with its error, the others go on."""
        return answer_photos(
            self.asked,
            sources,
            batch_size=self.spec.batch_size,
            workers=self.spec.workers,
            again=None if self.second is None else self.second.answers,
            seen=self.seen(),
        )


def _largest(methods: Sequence[SaysSeenSize], size: Size) -> Size:
    sizes = [method.seen_size(size) for method in methods]
    return DECODED * max(height for height, _ in sizes), DECODED * max(width for _, width in sizes)


def job_mark(described: Mapping[str, object]) -> str:
    """16 hex digits of a description."""
    text = json_text(described, sort_keys=True, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
