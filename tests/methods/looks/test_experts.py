"""Sums of templates: exact in any order, as values, and too few patches choose nobody."""

import pytest
import torch

from tagalign.methods.looks.experts import LEAST_PATCHES, Experts
from tagalign.ops.looks.exact_sums import ExactSums
from tagalign.ops.looks.experts import TemplateSums


def photo(seed):
    generator = torch.Generator().manual_seed(seed)
    return Experts.of(
        TemplateSums(
            entropy=torch.rand(5, 2, generator=generator, dtype=torch.float64) * 10,
            pixels=torch.randint(0, 40, (5, 2), generator=generator),
        )
    )


def test_sums_are_the_same_in_any_order_and_as_values():
    a, b, c = map(photo, range(3))
    assert a + b + c == c + (b + a)
    assert Experts.from_values((a + b).values()) == a + b


def test_the_surest_templates_with_enough_patches_are_chosen():
    least = LEAST_PATCHES
    experts = Experts(
        templates=6,
        entropy=ExactSums.of(torch.tensor([[6.0, 1, 5, 1, 4, 1, 3, 1, 2, 1, 1, 1]]).double().numpy() * least),
        patches=(least, 1, least, 1, least, 1, least, 1, least, 1, least - 1, 1),
    )
    assert experts.chosen() == [(4, 3, 2, 1), ()]


def test_other_templates_and_damaged_values_are_refused():
    one = photo(0)
    with pytest.raises(ValueError, match="4 templates cannot be added to 5"):
        one + Experts(templates=4, entropy=one.entropy, patches=one.patches)
    for changed in ({"patches": [1]}, {"templates": 3}):
        with pytest.raises(ValueError, match="do not fit together"):
            Experts.from_values(one.values() | changed)
