"""Weights of compound prompts from laid scores, against plain numpy, whatever the blocks."""

import numpy as np
import pytest
import torch

from tagalign.errors import InputError
from tagalign.labels import Label, LabelSet
from tagalign.ops.looks.moments import Moments
from tagalign.tasks.folder_look.weighing import Products, weigh

LABELS = LabelSet(
    name="custom", labels=(Label(name="dog"), Label(name="cat", aliases=("kitten",)), Label(name="bus"))
)
PROMPTS = ("a dog with a cat", "kittens", "cats and dogs")


@pytest.fixture
def scores():
    generator = torch.Generator().manual_seed(0)
    common = torch.randn(40, 1, generator=generator, dtype=torch.float64)
    own, compound = (torch.randn(40, 3, generator=generator, dtype=torch.float64) + common for _ in range(2))
    return own, compound


def weighed(scores, size):
    own, compound = scores

    def pairs():
        return zip(own.split(size), compound.split(size), strict=True)

    return weigh(PROMPTS, LABELS, pairs, Moments.of(own.numpy()))


def z(x):
    return (x - x.mean(axis=0)) / x.std(axis=0, ddof=1)


def test_the_folder_becomes_what_numpy_makes_of_it(scores):
    found = weighed(scores, 40)
    assert found.members == ((0, 2), (0, 1, 2), ())
    single, compound = (z(one.numpy()) for one in scores)
    final = single.copy()
    for label, members in enumerate(found.members[:2]):
        columns = np.column_stack([np.sort(compound[:, members], axis=1), single[:, label]])
        direction = np.linalg.svd(columns - columns.mean(axis=0))[2][0]
        direction *= np.sign(direction.mean()) / np.abs(direction).sum()
        np.testing.assert_allclose(
            found.weights[label], direction, atol=1e-5
        )  # products are of float32 values
        final[:, label] = (columns @ direction + single[:, label]) / 2
    assert found.weights[2] == ()
    own = torch.from_numpy(single)
    np.testing.assert_allclose(found.standard(own, scores[1]).numpy(), z(final), atol=1e-4)
    kept = type(found).from_values(found.values())
    assert kept.values() == found.values()


def test_any_blocks_give_the_same(scores):
    whole = weighed(scores, 40).values()
    assert weighed(scores, 1).values() == weighed(scores, 7).values() == whole


def test_too_many_prompts_for_the_photos_are_refused(scores):
    with pytest.raises(InputError, match="3 compound prompts name 'cat', 4 photos can weigh at most 2"):
        weighed([one[:4] for one in scores], 4)


def test_a_prompt_that_is_alike_in_all_photos_weighs_without_a_nan(scores):
    own, compound = scores
    found = weighed((own, torch.ones_like(compound)), 9)
    assert torch.isfinite(found.standard(own, compound)).all()


def test_a_covariance_is_numpys():
    rows = np.random.default_rng(0).normal(5, 2, (50, 4)).astype(np.float32)
    total = Products.zeros(4)
    total.add(rows[:20])
    total.add(rows[20:])
    np.testing.assert_allclose(total.covariance().numpy(), np.cov(rows.astype(np.float64).T), rtol=1e-10)
