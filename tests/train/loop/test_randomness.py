"""A stored random state continues all three streams, whatever was drawn in between, and survives JSON's numbers."""

import random

import numpy as np
import pytest
import torch

from tagalign.train.loop.nested import join_state, split_state
from tagalign.train.loop.randomness import random_state, restore_random_state, seed_everything, seed_host


@pytest.fixture(autouse=True)
def _as_before():
    state = random_state()
    yield
    restore_random_state(state)


def drawn():
    return random.random(), np.random.standard_normal(3).tolist(), torch.rand(3).tolist()  # noqa: NPY002


def test_a_seed_gives_one_stream():
    seed_everything(3)
    first = drawn()
    assert drawn() != first
    seed_everything(3)
    assert drawn() == first
    seed_everything(4)
    assert all(a != b for a, b in zip(drawn(), first, strict=True))


def test_a_state_that_went_through_a_checkpoint_continues_the_stream():
    seed_everything(3)
    np.random.standard_normal()  # noqa: NPY002 - numpy draws normals in pairs and keeps the second
    state = join_state(*split_state(random_state()))
    expected = drawn()
    drawn()
    restore_random_state(state)
    assert drawn() == expected


def test_seeding_the_host_leaves_torch_alone():
    torch.manual_seed(1)
    expected = torch.rand(2)
    torch.manual_seed(1)
    seed_host(9)
    assert torch.equal(torch.rand(2), expected)


def test_numpy_takes_large_seeds():
    seed_host(2**32 + 5)
    first = np.random.random()  # noqa: NPY002
    np.random.seed(5)  # noqa: NPY002
    assert np.random.random() == first  # noqa: NPY002
