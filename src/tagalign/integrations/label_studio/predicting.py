"""The prediction for one photo: each question that the config puts, asked of the model once, answered for every control."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from PIL import Image

from tagalign.integrations.label_studio.config import BARE, ControlTag
from tagalign.integrations.label_studio.results import ControlResult, choices, referred, shapes
from tagalign.integrations.label_studio.words import AskedLabels, ConfigWords, LabelObject
from tagalign.json_text import json_text
from tagalign.tags.same_label import same_label
from tagalign.tasks.model import Model
from tagalign.tasks.regions.options import MIN_AREA
from tagalign.types import EncodedLabels, Segmentation, Tagging

EncodeLabels = Callable[[Sequence[LabelObject]], EncodedLabels]
Thresholds = Mapping[str, float]
"""From which score on a label is in a photo, by the name that the model is asked; only labels that were learned."""
LearnedThresholds = Callable[[Sequence[LabelObject]], Thresholds]


@dataclass(frozen=True, kw_only=True)
class TaskQuestion:
    """What is asked of one photo.

    Attributes:
        controls: of its image tag.
        phrases: what to look for by words.
        with_labels: whether the labels are asked too; not where a person typed a phrase and waits for its region.
        only: pairs of a control and a label that the person chose; all where empty.
    """

    controls: tuple[ControlTag, ...]
    phrases: tuple[str, ...] = ()
    with_labels: bool = True
    only: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Predictor:
    """A model that answers in Label Studio's words.

    Attributes:
        model: that answers.
        encode_labels: of entries; may keep what it encoded.
        words: the saved mapping.
        learned: thresholds from what people submitted.
        min_area: of polygons and rectangles, in pixels.
    """

    model: Model
    encode_labels: EncodeLabels
    words: ConfigWords = field(default_factory=ConfigWords)
    learned: LearnedThresholds = lambda entries: {}
    min_area: int = MIN_AREA

    def results(self, encoded: Any, photo: Image.Image, question: TaskQuestion) -> list[ControlResult]:
        """The results of a prediction.

        Args:
            encoded: by the model.
            photo: the same, upright.
            question: what is asked.

        Raises:
            InputError: if the method cannot answer it, or two labels mean the same.
        """
        asking = _Asking(self, encoded, photo)
        numbers = count(1)
        found: list[ControlResult] = []
        if question.with_labels:
            for control in question.controls:
                found += asking.of_control(control, _beside(control, question.controls), numbers)
        for phrase in question.phrases:
            found += asking.of_phrase(phrase, question.controls, numbers)
        return [one for one in found if _is_wanted(one, question.only)]


class _Asking:
    """One photo; what was asked once is kept for the next control with the same labels."""

    def __init__(self, predictor: Predictor, encoded: Any, photo: Image.Image) -> None:
        self._predictor = predictor
        self._encoded = encoded
        self._photo = photo
        self._tagged: dict[str, Tagging] = {}
        self._segmented: dict[str, Segmentation] = {}

    def of_control(
        self, control: ControlTag, labels_of: ControlTag | None, numbers: "count[int]"
    ) -> list[ControlResult]:
        """What the labels of a control are in the photo."""
        asked = self._predictor.words.asked((labels_of or control).labels)
        if control.kind in ("labels", "textarea") or not asked.entries:
            return []
        thresholds = self._predictor.learned(asked.entries)
        if control.kind == "choices":
            names, tagging = self._names(asked), self._tag(asked)
            return choices(control, decided(tagging, thresholds), names, numbers)
        found, names = self._segment(asked), self._names(asked)
        if thresholds:
            there = set(decided(self._tag(asked), thresholds).tags)
            names = {name: value for name, value in names.items() if name in there or name not in thresholds}
        return shapes(control, found, names, numbers, min_area=self._predictor.min_area, labels_of=labels_of)

    def of_phrase(
        self, phrase: str, controls: Sequence[ControlTag], numbers: "count[int]"
    ) -> list[ControlResult]:
        """The region of a phrase, in the form of the first control that holds shapes."""
        control = next((one for one in controls if one.kind not in ("choices", "labels", "textarea")), None)
        if control is None:
            return []
        labels_of = _beside(control, controls)
        label = _label_in(phrase, labels_of or control)
        found = self._predictor.model.refer(self._encoded, phrase)
        return referred(control, found, label, numbers, labels_of=labels_of)

    def _names(self, asked: AskedLabels) -> dict[str, str]:
        # as the model spells them, in the order in which they were asked
        return dict(zip(self._labels(asked).names, asked.values, strict=True))

    def _labels(self, asked: AskedLabels) -> EncodedLabels:
        return self._predictor.encode_labels(asked.entries)

    def _tag(self, asked: AskedLabels) -> Tagging:
        key = json_text(asked.entries)
        if key not in self._tagged:
            self._tagged[key] = self._predictor.model.tag(self._encoded, self._labels(asked))
        return self._tagged[key]

    def _segment(self, asked: AskedLabels) -> Segmentation:
        key = json_text(asked.entries)
        if key not in self._segmented:
            labels = self._labels(asked)
            self._segmented[key] = self._predictor.model.segment(self._encoded, labels, photo=self._photo)
        return self._segmented[key]


def decided(tagging: Tagging, thresholds: Thresholds) -> Tagging:
    """The tagging with learned thresholds in place of the method's own choice, where there are any; best first."""
    if not thresholds:
        return tagging
    before = set(tagging.chosen)
    kept = [
        i
        for i, name in enumerate(tagging.names)
        if (tagging.scores[i] >= thresholds[name] if name in thresholds else i in before)
    ]
    return replace(tagging, chosen=tuple(sorted(kept, key=lambda i: -tagging.scores[i])))


def _beside(control: ControlTag, controls: Sequence[ControlTag]) -> ControlTag | None:
    """The ``Labels`` tag that names the shapes of a control without labels."""
    if control.kind not in BARE:
        return None
    return next((one for one in controls if one.kind == "labels"), None)


def _label_in(phrase: str, control: ControlTag) -> str | None:
    """The label that a phrase names, the longest of several; the first of the control where it names none."""
    said = same_label(phrase)
    words = [
        (word, label.value)
        for label in control.labels
        for word in map(same_label, (label.shown, label.value, *label.synonyms))
        if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", said)
    ]
    if words:
        return max(words, key=lambda pair: len(pair[0]))[1]
    return control.labels[0].value if control.labels else None


def _is_wanted(result: ControlResult, only: frozenset[tuple[str, str]]) -> bool:
    if not only or "meta" in result:
        return True
    held = result["value"].get(result["type"], [])
    return any((result["from_name"], label) in only for label in held)
