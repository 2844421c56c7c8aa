"""The small training task of ``doubles/small_training.py`` on the test encoder."""

import pytest
from small_training import make_pairs, make_vocabulary


@pytest.fixture
def pairs(backbone):
    return make_pairs(backbone.width, backbone.embed_dim)


@pytest.fixture
def vocabulary():
    return make_vocabulary()
