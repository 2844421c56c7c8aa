"""Answers in the form that VQA's evaluation server takes, for splits whose answers are secret."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tagalign.atomic import atomic_write
from tagalign.errors import DataError
from tagalign.evaluate.rows import Row
from tagalign.json_text import json_text

SUBMISSION = "vqa_submission.json"


def answers_are_secret(rows: Sequence[Row]) -> bool:
    """Whether no question has an answer of people; False without any question."""
    truths = [some for row in rows for some in row["truths"]]
    return bool(truths) and not any(truths)


def submission(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """``{question_id, answer}`` of every question, by id: the server wants each of a split once, ids as numbers.

    Args:
        rows: of ``AskQuestions``.

    Raises:
        DataError: if an id is no number, or stands twice.
    """
    answers: dict[int, str] = {}
    for row in rows:
        for question, answer in zip(row["questions"], row["answers"], strict=True):
            if not question.isdecimal() or int(question) in answers:
                raise DataError(f"question {question!r}: expected a number that no other question has")
            answers[int(question)] = answer
    return [{"question_id": question, "answer": answers[question]} for question in sorted(answers)]


def write_submission(folder: Path, rows: Sequence[Row]) -> Path:
    """Write the file that is uploaded."""
    path = folder / SUBMISSION
    with atomic_write(path) as temp:
        temp.write_text(json_text(submission(rows)), encoding="utf-8")
    return path
