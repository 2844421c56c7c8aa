"""What is kept of every answer: a row, and for some verbs files of the photo, written before its row is.

Sinks that draw pictures live beside their verbs; these write rows alone.
"""

import math
from typing import Any, Protocol, runtime_checkable

from tagalign.tasks.photos.job import Job
from tagalign.tasks.photos.questions import TagQuestion
from tagalign.tasks.photos.rows import tag_row
from tagalign.tasks.photos.stream import Answered
from tagalign.tasks.photos.tables import ANSWERS, CAPTIONS, TAGS, AnswerRow, Table


@runtime_checkable
class Sink(Protocol):
    """Plain values, so that other processes can write too.

    Attributes:
        table: the form of the rows.
        files: kinds of files that are written for a photo, ``NAME.KIND`` or one folder of them; empty for none.
    """

    @property
    def table(self) -> Table:
        """The form of the rows."""
        ...

    @property
    def files(self) -> tuple[str, ...]:
        """Kinds of files that are written for each photo; what decides them is part of the run."""
        ...

    def row(self, job: Job, answered: Answered) -> AnswerRow:
        """Write the files of a photo that did not fail, and return its row."""
        ...


class TagParquet:
    """Tags and the scores of all labels, in Parquet."""

    table = TAGS
    files: tuple[str, ...] = ()

    def row(self, job: Job, answered: Answered) -> AnswerRow:
        """See ``Sink``."""
        question = job.spec.question
        chosen_by: dict[str, Any] = (
            {"threshold": question.threshold, "learned": question.learned}
            if isinstance(question, TagQuestion)
            else {}
        )
        row = tag_row(
            answered.source.key, _size(answered), answered.answer, second=answered.second, **chosen_by
        )
        if job.second is not None and not job.second.mirrored:
            row["second_scores"] = list(answered.second.scores)
        return row


class CaptionRows:
    """Sentences and the tags that guided them."""

    table = CAPTIONS
    files: tuple[str, ...] = ()

    def row(self, job: Job, answered: Answered) -> AnswerRow:
        """See ``Sink``."""
        caption = answered.answer
        scores = {tag: None if math.isnan(p) else round(p, 4) for tag, p in caption.tags.items()}
        return {"path": answered.source.key, "caption": caption.text, "tags": scores}


class AnswerRows:
    """Questions and answers."""

    table = ANSWERS
    files: tuple[str, ...] = ()

    def row(self, job: Job, answered: Answered) -> AnswerRow:
        """See ``Sink``."""
        question: Any = job.spec.question
        return {"path": answered.source.key, "question": question.question, "answer": answered.answer}


def _size(answered: Answered) -> tuple[int, int]:
    if answered.size is None:
        raise AssertionError("a failed photo has no row")
    return answered.size
