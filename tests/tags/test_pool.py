"""A function over a stream: the order of the items, one process or several, and never many items ahead."""

import os

import pytest

from tagalign.tags.pool import AHEAD, ordered_map


def square(number):
    return number * number


def threads(_):
    return os.environ["OMP_NUM_THREADS"], os.getpid()


def failing(number):
    if number == 3:
        raise ValueError("three")
    return number


def test_one_worker_works_here_and_lazily():
    taken = []

    def items():
        for i in range(5):
            taken.append(i)
            yield i

    with ordered_map(square, workers=1) as run:
        stream = run(items())
        assert next(stream) == 0
        assert taken == [0]
        assert list(stream) == [1, 4, 9, 16]


@pytest.mark.slow
def test_processes_keep_the_order_and_take_few_items_ahead(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    taken = []

    def items():
        for i in range(40):
            taken.append(i)
            yield i

    with ordered_map(square, workers=2) as run:
        stream = run(items())
        assert next(stream) == 0
        assert len(taken) <= 2 * AHEAD + 1
        assert list(stream) == [i * i for i in range(1, 40)]
    with ordered_map(threads, workers=2) as run:
        ((count, process),) = run([0])
        assert count == "1"
        assert process != os.getpid()
    assert os.environ["OMP_NUM_THREADS"] == "7"
    with ordered_map(failing, workers=2) as run, pytest.raises(ValueError, match="three"):
        list(run(range(9)))
