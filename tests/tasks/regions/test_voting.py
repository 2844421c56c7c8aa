"""Instances of votes and of connected parts, against the pixels they claim and SciPy's components."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from tagalign.methods.options import build_options
from tagalign.tasks.regions.options import RegionOptions
from tagalign.tasks.regions.value import Regions
from tagalign.tasks.regions.voting import part_instances, vote_regions
from tagalign.types import Segmentation

NAMES = ("background", "cat", "dog")


def segmentation(labels, scores=None):
    labels = torch.as_tensor(labels)
    scores = torch.full(labels.shape, 0.5) if scores is None else scores
    return Segmentation(labels=labels, names=NAMES, scores=scores)


@pytest.fixture
def random_found():
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 3, (30, 40), generator=generator)
    return segmentation(labels, torch.rand(30, 40, generator=generator))


def blocks(rows, cols, size=(30, 40)):
    """Ids from 1 of a chequered picture."""
    row, col = torch.arange(size[0]) * rows // size[0], torch.arange(size[1]) * cols // size[1]
    return row[:, None] * cols + col[None] + 1


def test_every_instance_is_its_region_with_one_label(random_found):
    ids = blocks(3, 4)
    found = vote_regions(random_found, Regions.of_ids(ids))
    assert found.instances
    for one in found.instances:
        (number,) = ids[one.mask].unique().tolist()
        assert torch.equal(one.mask, ids == number)
        assert found.labels[one.mask].unique().tolist() == [one.label]
        assert NAMES[one.label] == one.name != "background"
        rows, cols = one.mask.numpy().nonzero()
        assert one.box == (cols.min(), rows.min(), cols.max() + 1, rows.max() + 1)
        assert one.area == int(one.mask.sum())
        had_it = one.mask & (random_found.labels == one.label)
        # a mean of 100 float32 numbers
        assert one.score == pytest.approx(float(random_found.scores[had_it].sum()) / one.area, abs=1e-6)
    of_background = sum(int((found.labels[ids == i] == 0).all()) for i in range(1, 13))
    assert len(found.instances) == 12 - of_background
    assert torch.equal(found.scores, random_found.scores)


def test_without_regions_nothing_changes(random_found):
    none = Regions(size=(30, 40))
    found = vote_regions(random_found, none)
    assert torch.equal(found.labels, random_found.labels)
    assert found.instances == ()
    assert len(none) == 0


@pytest.mark.parametrize("none", [0, -1])
def test_pixels_of_no_region_keep_their_labels(random_found, none):
    ids = blocks(3, 4)
    ids[:15] = none
    found = vote_regions(random_found, Regions.of_ids(ids))
    assert torch.equal(found.labels[:15], random_found.labels[:15])


def test_a_mask_over_everything_hides_no_other(random_found):
    masks = torch.stack([torch.ones(30, 40, dtype=torch.bool), blocks(3, 4) == 5])
    fixed = vote_regions(random_found, Regions.of_masks(masks, (30, 40)))
    assert torch.equal(fixed.labels[blocks(3, 4) != 5], random_found.labels[blocks(3, 4) != 5])
    released = Regions.of_masks(masks, (30, 40)).painted(RegionOptions(profile="released"))
    assert released.unique().tolist() == [2]
    unchanged = vote_regions(
        random_found, Regions.of_masks(masks, (30, 40)), RegionOptions(profile="released")
    )
    assert torch.equal(unchanged.labels, random_found.labels)


def test_ids_far_apart_are_the_same_regions(random_found):
    ids = blocks(3, 4)
    near = vote_regions(random_found, Regions.of_ids(ids))
    for far in (ids * 5000, ids * 1_000_003):
        found = vote_regions(random_found, Regions.of_ids(far))
        assert torch.equal(found.labels, near.labels)
        assert [one.box for one in found.instances] == [one.box for one in near.instances]
    with_none = torch.where(ids == 3, -1, ids * 1_000_003)
    found = vote_regions(random_found, Regions.of_ids(with_none))
    assert torch.equal(found.labels[ids == 3], random_found.labels[ids == 3])


def test_background_can_be_kept_out():
    labels = torch.zeros(8, 8, dtype=torch.int64)
    labels[:3, :4] = 2
    regions = Regions.of_ids(torch.ones(8, 8, dtype=torch.int64))
    options = RegionOptions(max_share=1.0)
    assert vote_regions(segmentation(labels), regions, options).instances == ()
    (one,) = vote_regions(
        segmentation(labels), regions, RegionOptions(max_share=1.0, background_votes=False)
    ).instances
    assert one.name == "dog"
    assert one.area == 64
    assert one.score == pytest.approx(0.5 * 12 / 64)


def test_another_size_is_resized_with_a_note(random_found):
    small = Regions.of_ids(blocks(3, 4, size=(15, 20)))
    resized = small.resized((30, 40))
    assert torch.equal(resized.ids, blocks(3, 4))
    assert "15 x 20" in resized.notes[0]
    masks = Regions.of_masks(torch.stack([small.ids == i for i in range(1, 13)]), (15, 20)).resized((30, 40))
    assert torch.equal(masks.painted(RegionOptions()), blocks(3, 4))
    assert vote_regions(random_found, small).labels.shape == (30, 40)


def test_parts_are_scipys_components(random_found):
    found = part_instances(random_found, min_area=3)
    wanted = []
    for label in (1, 2):
        numbers, count = ndimage.label(random_found.labels.numpy() == label, structure=np.ones((3, 3)))
        wanted += [numbers == i for i in range(1, count + 1) if (numbers == i).sum() >= 3]
    assert len(found.instances) == len(wanted)
    for one, mask in zip(found.instances, wanted, strict=True):
        assert np.array_equal(one.mask.numpy(), mask)
        # a mean of float32 numbers
        assert one.score == pytest.approx(float(random_found.scores.numpy()[mask].mean()), abs=1e-6)
    assert torch.equal(found.labels, random_found.labels)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"profile": "paper"}, "option 'profile' takes released or fixed, got 'paper'"),
        ({"min_pixel": 3}, "did you mean 'min_pixels'"),
        ({"min_pixels": -1}, "from 0, got -1"),
        ({"max_share": 1.5}, "from 0 to 1, got 1.5"),
    ],
)
def test_wrong_options_are_refused(given, said):
    with pytest.raises(ValueError, match=said):
        build_options(RegionOptions, given, method="regions")
