"""Answers to questions about images, and how many are right."""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

from tagalign.errors import InputError


@runtime_checkable
class BatchAnswerer(Protocol):
    """An answerer that takes several images and questions at once, with the result of one by one."""

    def answers(self, images: Sequence[Any], questions: Sequence[str], *, use_tags: bool = True) -> list[str]:
        """An answer per image and question."""
        ...


def answer_questions(
    answerer: BatchAnswerer,
    images: Sequence[Any],
    questions: Sequence[str],
    *,
    use_tags: bool = True,
    batch_size: int = 32,
) -> list[str]:
    """Free-form answers to question ``i`` about image ``i``.

    Args:
        answerer: the model.
        images: encoded by it; the same image may stand several times.
        questions: one per image.
        use_tags: join the recognised tags to the question.
        batch_size: questions per batch.

    Raises:
        InputError: if there are not as many questions as images.
    """
    if len(images) != len(questions):
        raise InputError(
            f"expected one question per image, got {len(images)} images and {len(questions)} questions"
        )
    found: list[str] = []
    for start in range(0, len(images), batch_size):
        end = start + batch_size
        found += answerer.answers(images[start:end], questions[start:end], use_tags=use_tags)
    return found
