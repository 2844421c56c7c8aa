"""A second answer to every photo: of the mirrored photo, or of another method. Where the two differ a person should look."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from PIL import Image, ImageOps

from tagalign.errors import InputError
from tagalign.methods.load import load_method
from tagalign.methods.table import METHODS
from tagalign.tasks.photos.questions import Asked, PhotoQuestion, SegmentQuestion, TagQuestion
from tagalign.types import Segmentation

FLIP = "flip"
SAME_ON_ANY_SCALE = ("relative", "top")
"""Thresholds that mean the same for the scores of every method."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SecondLook:
    """What answers the second time.

    Attributes:
        asked: the question, put to what answers.
        mirrored: whether it sees the mirrored photo.
    """

    asked: Asked
    mirrored: bool

    def answers(self, photos: Sequence[Image.Image]) -> list[Any]:
        """One answer for each photo; masks lie on the photo as it is."""
        seen = [ImageOps.mirror(photo) for photo in photos] if self.mirrored else list(photos)
        encoded = list(self.asked.method.encode_images(seen))
        found = self.asked.answers(encoded, seen)
        return [_mirrored(answer) for answer in found] if self.mirrored else found


def open_second_look(
    name: str, first: Asked, *, model: str, device: str, batch_size: int, options: Mapping[str, Any]
) -> SecondLook:
    """What answers the second time.

    Args:
        name: ``flip``, or a method.
        first: the question as it is asked the first time, of tags or masks.
        model: that the other method uses too.
        device: likewise.
        batch_size: likewise.
        options: of the first method; the other one takes those about files alone.

    Raises:
        InputError: for a question without labels, an unknown method, or one that cannot answer it.
    """
    question: PhotoQuestion = first.question
    if not isinstance(question, TagQuestion | SegmentQuestion):
        raise InputError(f"--disagreement {name} belongs to tags and masks")
    if name == FLIP:
        return SecondLook(asked=first, mirrored=True)
    if name not in METHODS:
        raise InputError(f"--disagreement {name}: expected flip or a method, one of {', '.join(METHODS)}")
    kept = {key: value for key, value in options.items() if key == "text_cache"}
    method = load_method(model, method=name, device=device, batch_size=batch_size, **kept)
    threshold = question.threshold if isinstance(question, TagQuestion) else None
    if isinstance(question, TagQuestion) and threshold and threshold.kind not in SAME_ON_ANY_SCALE:
        question = replace(question, threshold=None)
    return SecondLook(asked=question.put(method), mirrored=False)


def _mirrored(answer: Any) -> Any:
    if not isinstance(answer, Segmentation):
        return answer
    return replace(answer, labels=answer.labels.flip(-1), scores=answer.scores.flip(-1))
