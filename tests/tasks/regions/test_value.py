"""Regions as they came: masks there and back, sizes as Pillow's nearest neighbour has them, painting by a plain loop."""

import numpy as np
import pytest
import torch
from PIL import Image

from tagalign.errors import DataError
from tagalign.tasks.regions.options import RegionOptions
from tagalign.tasks.regions.value import Regions, regions_of

MASKS = (
    torch.rand(4, 9, 7, generator=torch.Generator().manual_seed(0))
    < torch.tensor([0.1, 0.5, 0.9, 0.3])[:, None, None]
)


def test_masks_come_back_as_they_went_in():
    regions = Regions.of_masks(MASKS, (9, 7))
    assert len(regions) == 4
    assert torch.equal(torch.stack([regions.mask(i) for i in range(4)]), MASKS)


def test_ids_count_those_above_zero():
    ids = torch.tensor([[0, 3, 3], [-1, 7, 0]])
    regions = Regions.of_ids(ids)
    assert (len(regions), regions.size) == (2, (2, 3))
    assert torch.equal(regions.painted(RegionOptions()), ids)


@pytest.mark.parametrize("size", [(18, 14), (4, 5), (9, 20)])
def test_another_size_is_pillows_nearest_neighbour_and_noted(size):
    def pillows(array):
        return np.asarray(
            Image.fromarray(array.astype(np.uint8)).resize(size[::-1], Image.Resampling.NEAREST)
        )

    resized = Regions.of_masks(MASKS, (9, 7)).resized(size)
    for i, mask in enumerate(MASKS.numpy()):
        np.testing.assert_array_equal(resized.mask(i), pillows(mask).astype(bool))
    ids = torch.arange(63).reshape(9, 7)
    np.testing.assert_array_equal(Regions.of_ids(ids).resized(size).ids, pillows(ids.numpy()))
    assert "resized by nearest neighbour" in resized.notes[0]


def test_the_same_size_is_the_same_value():
    regions = Regions.of_masks(MASKS, (9, 7))
    assert regions.resized((9, 7)) is regions


def test_smaller_regions_are_painted_over_larger_ones():
    options = RegionOptions(min_pixels=0, max_share=1.0)
    found = Regions.of_masks(MASKS, (9, 7)).painted(options)
    wanted = torch.zeros(9, 7, dtype=torch.int64)
    for place in sorted(range(4), key=lambda i: -int(MASKS[i].sum())):
        wanted[MASKS[place]] = place + 1
    assert torch.equal(found, wanted)


def test_regions_that_are_too_small_or_too_large_are_not_painted():
    areas = [int(mask.sum()) for mask in MASKS]
    options = RegionOptions(min_pixels=min(areas) + 1, max_share=(max(areas) - 1) / 63)
    painted = set(Regions.of_masks(MASKS, (9, 7)).painted(options).unique().tolist()) - {0}
    assert painted == {i + 1 for i, area in enumerate(areas) if area not in (min(areas), max(areas))}


@pytest.mark.parametrize("value", [MASKS, MASKS.numpy(), list(MASKS.numpy()), MASKS.to(torch.uint8)])
def test_masks_of_any_kind(value):
    assert torch.equal(regions_of(value).mask(1), MASKS[1])


@pytest.mark.parametrize(
    "value", [np.zeros((2, 3)), np.zeros((0, 3), int), np.zeros((2, 0, 3), bool), "a.png", 5, []]
)
def test_anything_else_is_refused(value):
    with pytest.raises(DataError, match="expected regions as bool masks"):
        regions_of(value)
