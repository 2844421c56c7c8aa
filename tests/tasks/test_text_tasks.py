"""Answers of many images in batches, and tags as people type them."""

import pytest

from tagalign.errors import InputError
from tagalign.tasks.answering import answer_questions
from tagalign.tasks.captioning import split_tags


class Stub:
    """Writes down what it was asked."""

    def __init__(self):
        self.batches = []

    def answers(self, images, questions, *, use_tags=True):
        self.batches.append((list(images), list(questions), use_tags))
        return [f"{q}{i}" for i, q in zip(images, questions, strict=True)]


def test_tags_are_split_at_commas():
    assert split_tags(" dog, red frisbee,, ") == ("dog", "red frisbee")
    assert split_tags("") == ()


def test_answers_keep_the_order():
    stub = Stub()
    assert answer_questions(stub, [1, 2, 3], ["a", "b", "c"], batch_size=2, use_tags=False) == [
        "a1",
        "b2",
        "c3",
    ]
    assert [use for *_, use in stub.batches] == [False, False]
    with pytest.raises(InputError, match="1 images and 2 questions"):
        answer_questions(stub, [1], ["a", "b"])
