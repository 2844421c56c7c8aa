"""Asking for words: tags, captions, answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Integer
from PIL import Image

from tagalign.data.benchmarks.records import CaptionSet, Question, QuestionSet, TaggingSet
from tagalign.errors import InputError
from tagalign.evaluate.ask_dense import describe_labels
from tagalign.evaluate.captioning import TOKENIZER
from tagalign.evaluate.rows import Row
from tagalign.methods.protocols import Answerer, Captioner, Method, Tagger
from tagalign.types import EncodedLabels, LabelSet


def _settings(data: Any, kind: str) -> dict[str, Any]:
    return {"kind": kind, "benchmark": data.name, "split": data.split}


@dataclass(frozen=True, eq=False)
class AskTags:
    """Scores of all labels, and the chosen ones."""

    method: Method[Any]
    data: TaggingSet
    labels: LabelSet
    kind: str = "tagging"

    @cached_property
    def encoded(self) -> EncodedLabels:
        """The labels, encoded once."""
        return self.method.encode_labels(self.labels)

    def truth(self, index: int) -> Integer[np.ndarray, " labels"]:
        """1 present, 0 absent, -1 not to be counted."""
        return self.data.truth(index)

    def encode(self, images: Sequence[Image.Image]) -> Sequence[Any]:
        """Encode a batch."""
        return self.method.encode_images(images)

    def row(self, encoded: Any, image: Image.Image, truth: Integer[np.ndarray, " labels"]) -> Row:
        """Scores with the nine digits that float32 needs, chosen ids, truth."""
        if not isinstance(self.method, Tagger):
            raise InputError(f"method {self.method.method!r} cannot tag")
        found = self.method.tag(encoded, self.encoded)
        scores = [float(f"{score:.9g}") for score in found.scores]
        return {"scores": scores, "chosen": list(found.chosen), "truth": truth.tolist()}

    def settings(self) -> dict[str, Any]:
        """Benchmark, labels and method."""
        return _settings(self.data, self.kind) | {
            "labels": describe_labels(self.labels),
            "model": self.method.describe(),
        }

    def scoring(self) -> dict[str, Any]:
        """Names of the labels."""
        return {"classes": list(self.data.labels.names)}


@dataclass(frozen=True, eq=False)
class AskCaptions:
    """A sentence for every image."""

    method: Method[Any]
    data: CaptionSet
    kind: str = "captions"

    def truth(self, index: int) -> tuple[tuple[str, ...], str | None]:
        """Sentences of people, and the part of the set."""
        return self.data.references(index), self.data.domain(index)

    def encode(self, images: Sequence[Image.Image]) -> Sequence[Any]:
        """Encode a batch."""
        return self.method.encode_images(images)

    def row(self, encoded: Any, image: Image.Image, truth: tuple[tuple[str, ...], str | None]) -> Row:
        """The caption and what people wrote."""
        if not isinstance(self.method, Captioner):
            raise InputError(f"method {self.method.method!r} cannot caption")
        references, domain = truth
        return {
            "caption": self.method.caption(encoded).text,
            "references": list(references),
            "domain": domain,
        }

    def settings(self) -> dict[str, Any]:
        """Benchmark, method and tokenizer."""
        return _settings(self.data, self.kind) | {"tokenizer": TOKENIZER, "model": self.method.describe()}

    def scoring(self) -> dict[str, Any]:
        """Nothing beside the rows."""
        return {}


@dataclass(frozen=True, eq=False)
class AskQuestions:
    """An answer to every question."""

    method: Method[Any]
    data: QuestionSet
    kind: str = "questions"

    def truth(self, index: int) -> tuple[Question, ...]:
        """Questions and answers of people."""
        return self.data.questions(index)

    def encode(self, images: Sequence[Image.Image]) -> Sequence[Any]:
        """Encode a batch."""
        return self.method.encode_images(images)

    def row(self, encoded: Any, image: Image.Image, truth: tuple[Question, ...]) -> Row:
        """Ids, answers, and what people said."""
        if not isinstance(self.method, Answerer):
            raise InputError(f"method {self.method.method!r} cannot answer questions")
        return {
            "questions": [question.id for question in truth],
            "answers": [self.method.answer(encoded, question.text) for question in truth],
            "truths": [list(question.answers) for question in truth],
        }

    def settings(self) -> dict[str, Any]:
        """Benchmark and method."""
        return _settings(self.data, self.kind) | {"model": self.method.describe()}

    def scoring(self) -> dict[str, Any]:
        """Nothing beside the rows."""
        return {}
