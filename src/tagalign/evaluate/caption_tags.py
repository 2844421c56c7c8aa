"""Tagging by captions, as caption models are compared with taggers: sentence -> parser -> labels of a tagging benchmark.

The released code of Tag2Text has neither the parser nor the synonyms of its Table 1; what stands in for them is named in the
settings of every result.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Integer
from PIL import Image

from tagalign.data.benchmarks.records import TaggingSet
from tagalign.errors import InputError
from tagalign.evaluate.asking import describe_labels
from tagalign.evaluate.rows import Row
from tagalign.labels import LabelSet
from tagalign.methods.protocols import Captioner, Method
from tagalign.tags.normalize import normalize_parse, normalize_repeated, normalize_settings
from tagalign.tags.parsers import load_parser
from tagalign.tags.parses import ParsedCaption, Parser
from tagalign.tasks.captioning import BatchCaptioner

KIND = "caption-tags"
PARSER = "distilled"
"""The parser that needs nothing beside the package."""
KINDS = ("object", "attribute", "scene", "action")


class LabelFinder:
    """Finds the labels of a set in parsed captions, by their names and their other words.

    A tag that is no label is tried by its last words, longest first: ``red sports car`` is a ``sports car``, else a
    ``car``. All are compared in canonical form, so ``Cars`` is a ``car``, ``riding`` is ``ride``.

    Args:
        labels: with the other words (aliases) that count.

    Example:
        >>> from tagalign.labels import Label
        >>> finder = LabelFinder(LabelSet(name="x", labels=(Label(name="person", aliases=("man",)), Label(name="bike"))))
        >>> finder.ids(ParsedCaption(objects=("young man", "bikes", "tree")))
        (0, 1)
    """

    def __init__(self, labels: LabelSet) -> None:
        self._ids: dict[str, set[int]] = {}
        for i, label in enumerate(labels.labels):
            for word in (label.name, *label.aliases):
                # a label says not whether it is a thing or an action: it is found under the form of each
                for kind in KINDS:
                    if form := normalize_repeated(word, kind):
                        self._ids.setdefault(form, set()).add(i)

    def ids(self, parse: ParsedCaption) -> tuple[int, ...]:
        """Ids of the labels that a caption names, ascending.

        A word of two labels names both.
        """
        tags = (*parse.objects, *parse.attributes, *parse.scenes, *parse.actions)
        normal = normalize_parse(parse)
        canonical = (*normal.objects, *normal.attributes, *normal.scenes, *normal.actions)
        found = {i for tag in dict.fromkeys((*canonical, *tags)) for i in self._of(tag)}
        return tuple(sorted(found))

    def _of(self, tag: str) -> set[int]:
        words = tag.split(" ")
        # the longest ending first: the head of an English noun phrase stands last
        for start in range(len(words)):
            ending = " ".join(words[start:])
            for form in (ending, normalize_repeated(ending)):
                if form in self._ids:
                    return self._ids[form]
        return set()


@dataclass(frozen=True, eq=False)
class AskCaptionTags:
    """A sentence for every image, and the labels that it names.

    Attributes:
        method: that writes the sentences.
        data: the tagging benchmark.
        labels: its labels, with the words that count for them.
        parser: from a sentence to tags; see ``load_parser``.
    """

    method: Method[Any]
    data: TaggingSet
    labels: LabelSet
    parser: str = PARSER
    kind: str = KIND

    @cached_property
    def _parser(self) -> Parser:
        return load_parser(self.parser)

    @cached_property
    def _finder(self) -> LabelFinder:
        return LabelFinder(self.labels)

    def truth(self, index: int) -> Integer[np.ndarray, " labels"]:
        """1 present, 0 absent, -1 not to be counted."""
        return self.data.truth(index)

    def encode(self, images: Sequence[Image.Image]) -> Sequence[Any]:
        """Encode a batch."""
        return self.method.encode_images(images)

    def rows(self, encoded: Sequence[Any], images: Sequence[Image.Image], truths: Sequence[Any]) -> list[Row]:
        """The captions, the labels in them, and the truth."""
        captions = self._captions(encoded)
        parses = self._parser.parse(captions)
        return [
            {"caption": caption, "chosen": list(self._finder.ids(parse)), "truth": truth.tolist()}
            for caption, parse, truth in zip(captions, parses, truths, strict=True)
        ]

    def _captions(self, encoded: Sequence[Any]) -> list[str]:
        if isinstance(self.method, BatchCaptioner):
            return [caption.text for caption in self.method.captions(encoded)]
        if not isinstance(self.method, Captioner):
            raise InputError(f"method {self.method.method!r} writes no captions; {KIND} asks a captioner")
        return [self.method.caption(image).text for image in encoded]

    def settings(self) -> dict[str, Any]:
        """Benchmark, labels with the words that count for each, parser, canonical form and method."""
        synonyms = {label.name: list(label.aliases) for label in self.labels.labels if label.aliases}
        return {
            "kind": self.kind,
            "benchmark": self.data.name,
            "split": self.data.split,
            "labels": describe_labels(self.labels),
            "synonyms": synonyms,
            "parser": dict(self._parser.settings),
            "canonical_form": normalize_settings(),
            "model": self.method.describe(),
        }

    def scoring(self) -> dict[str, Any]:
        """Names of the labels."""
        return {"classes": list(self.data.labels.names)}
