"""Questions in batches give the answers of one by one, in order."""

import pytest

from tagalign.errors import InputError
from tagalign.tasks.answering import answer_questions


class Echo:
    """Answers with what it was asked, and remembers how many at a time."""

    def __init__(self):
        self.sizes = []

    def answers(self, images, questions, *, use_tags=True):
        self.sizes.append(len(images))
        return [f"{image} {question} {use_tags}" for image, question in zip(images, questions, strict=True)]


@pytest.mark.parametrize(("count", "sizes"), [(0, []), (1, [1]), (3, [3]), (7, [3, 3, 1])])
def test_batches(count, sizes):
    echo = Echo()
    found = answer_questions(
        echo, range(count), [f"q{i}" for i in range(count)], use_tags=False, batch_size=3
    )
    assert found == [f"{i} q{i} False" for i in range(count)]
    assert echo.sizes == sizes


def test_as_many_questions_as_images():
    with pytest.raises(InputError, match="got 2 images and 1 questions"):
        answer_questions(Echo(), [1, 2], ["q"])
