"""Asking for words: tags, captions, answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Integer
from PIL import Image

from tagalign.data.benchmarks.records import CaptionSet, Question, QuestionSet, TaggingSet
from tagalign.errors import InputError
from tagalign.evaluate.asking import AsksLabels, AsksMethod
from tagalign.evaluate.captioning import TOKENIZER
from tagalign.evaluate.rows import Row
from tagalign.evaluate.spice import NAME, Alike, same_word, spice_scores
from tagalign.labels import LabelSet
from tagalign.methods.protocols import Answerer, Captioner, Method, Tagger
from tagalign.tags.caption_graph import GraphReader
from tagalign.tags.wordnet import read_wordnet
from tagalign.tasks.answering import BatchAnswerer, answer_questions
from tagalign.tasks.captioning import BatchCaptioner
from tagalign.types import Caption


@dataclass(frozen=True, eq=False)
class AskTags(AsksLabels):
    """Scores of all labels, and the chosen ones."""

    method: Method[Any]
    data: TaggingSet
    labels: LabelSet
    kind: str = "tagging"

    def truth(self, index: int) -> Integer[np.ndarray, " labels"]:
        """1 present, 0 absent, -1 not to be counted."""
        return self.data.truth(index)

    def row(self, encoded: Any, image: Image.Image, truth: Integer[np.ndarray, " labels"]) -> Row:
        """Scores with the nine digits that float32 needs, chosen ids, truth.

        Raises:
            InputError: if the method cannot tag.
        """
        if not isinstance(self.method, Tagger):
            raise InputError(f"method {self.method.method!r} cannot tag")
        found = self.method.tag(encoded, self.encoded)
        # nine digits give every float32 back exactly, and half the bytes of a double
        scores = [float(f"{score:.9g}") for score in found.scores]
        return {"scores": scores, "chosen": list(found.chosen), "truth": truth.tolist()}

    def scoring(self) -> dict[str, Any]:
        """Names of the labels."""
        return {"classes": list(self.data.labels.names)}


@dataclass(frozen=True, eq=False)
class AskCaptions(AsksMethod):
    """A sentence for every image.

    Attributes:
        method: that writes them.
        data: the benchmark.
        wordnet: folder of the synonyms that our SPICE matches with; None: words match as their lemmas.
    """

    method: Method[Any]
    data: CaptionSet
    wordnet: Path | None = None
    kind: str = "captions"

    def truth(self, index: int) -> tuple[tuple[str, ...], str | None]:
        """Sentences of people, and the part of the set."""
        return self.data.references(index), self.data.domain(index)

    def rows(
        self,
        encoded: Sequence[Any],
        images: Sequence[Image.Image],
        truths: Sequence[tuple[tuple[str, ...], str | None]],
    ) -> list[Row]:
        """The captions, what people wrote, and their SPICE: whoever scores the rows again need not have the synonyms."""
        captions = [caption.text for caption in self._captions(encoded)]
        spices = spice_scores(captions, [list(references) for references, _ in truths], alike=self._alike)
        return [
            {"caption": caption, "references": list(references), "domain": domain, NAME: spice}
            for caption, (references, domain), spice in zip(captions, truths, spices, strict=True)
        ]

    @cached_property
    def _alike(self) -> Alike:
        return same_word if self.wordnet is None else read_wordnet(self.wordnet).alike

    def _captions(self, encoded: Sequence[Any]) -> list[Caption]:
        if isinstance(self.method, BatchCaptioner):
            return self.method.captions(encoded)
        if not isinstance(self.method, Captioner):
            raise InputError(f"method {self.method.method!r} cannot caption")
        return [self.method.caption(image) for image in encoded]

    def settings(self) -> dict[str, Any]:
        """Benchmark, method, tokenizer, and how SPICE reads captions."""
        synonyms = None if self.wordnet is None else read_wordnet(self.wordnet).mark
        return self.benchmark() | {
            "tokenizer": TOKENIZER,
            "spice_own": {**GraphReader().settings, "synonyms": synonyms},
            "model": self.method.describe(),
        }

    def scoring(self) -> dict[str, Any]:
        """Nothing: the rows hold what is needed."""
        return {}


@dataclass(frozen=True, eq=False)
class AskQuestions(AsksMethod):
    """An answer to every question."""

    method: Method[Any]
    data: QuestionSet
    kind: str = "questions"

    def truth(self, index: int) -> tuple[Question, ...]:
        """Questions and answers of people."""
        return self.data.questions(index)

    def rows(
        self, encoded: Sequence[Any], images: Sequence[Image.Image], truths: Sequence[tuple[Question, ...]]
    ) -> list[Row]:
        """Ids, answers, and what people said."""
        pairs = [
            (image, question) for image, asked in zip(encoded, truths, strict=True) for question in asked
        ]
        answers = iter(self._answers([image for image, _ in pairs], [question.text for _, question in pairs]))
        return [
            {
                "questions": [question.id for question in asked],
                "answers": [next(answers) for _ in asked],
                "truths": [list(question.answers) for question in asked],
            }
            for asked in truths
        ]

    def _answers(self, images: Sequence[Any], questions: Sequence[str]) -> list[str]:
        if isinstance(self.method, BatchAnswerer):
            return answer_questions(self.method, images, questions)
        if not isinstance(self.method, Answerer):
            raise InputError(f"method {self.method.method!r} cannot answer questions")
        return [
            self.method.answer(image, question) for image, question in zip(images, questions, strict=True)
        ]

    def scoring(self) -> dict[str, Any]:
        """Nothing beside the rows."""
        return {}
