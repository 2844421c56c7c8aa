"""Captions and answers of many images in batches, and tags as people type them."""

import pytest

from tagalign.errors import InputError
from tagalign.tasks.answering import answer_questions
from tagalign.tasks.captioning import caption_images, split_tags
from tagalign.types import Caption


class Stub:
    """Writes down what it was asked."""

    def __init__(self):
        self.batches = []

    def captions(self, images, tags=None, *, both=False):
        self.batches.append((list(images), tags, both))
        return [Caption(text=f"image {i}") for i in images]

    def answers(self, images, questions, *, use_tags=True):
        self.batches.append((list(images), list(questions), use_tags))
        return [f"{q}{i}" for i, q in zip(images, questions, strict=True)]


def test_captions_keep_the_order_and_the_batch_size():
    stub = Stub()
    found = list(
        caption_images(stub, [("a", 1), ("b", 2), ("c", 3)], value=lambda x: x[1], tags=["dog"], batch_size=2)
    )
    assert [(item[0], caption.text) for item, caption in found] == [
        ("a", "image 1"),
        ("b", "image 2"),
        ("c", "image 3"),
    ]
    assert stub.batches == [([1, 2], [["dog"], ["dog"]], False), ([3], [["dog"]], False)]


def test_captions_are_made_as_they_are_asked_for():
    stub = Stub()
    found = caption_images(stub, iter(range(10)), value=lambda x: x, batch_size=2)
    next(found)
    assert len(stub.batches) == 1


def test_both_needs_tags():
    with pytest.raises(InputError, match="both needs tags"):
        next(caption_images(Stub(), [1], value=lambda x: x, both=True))


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
