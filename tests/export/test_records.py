"""Regions against a plain search for connected pixels; what a format needs and an image lacks is named."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from tagalign.errors import InputError
from tagalign.export.records import (
    Annotated,
    OneNameList,
    categories,
    regions,
    segmentation_of,
    tagging_of,
    tensor_mask,
)
from tagalign.labels import BACKGROUND
from tagalign.types import Segmentation, Tagging


def segmentation(seed=0, size=(19, 23)):
    draw = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, 3, size, generator=draw)
    scores = torch.rand(size, generator=draw)
    return Segmentation(labels=labels, names=(BACKGROUND, "cat", "dog"), scores=scores)


def by_search(found, label):
    """Parts that touch at sides or corners, and their pixels."""
    numbers, count = ndimage.label((found.labels == label).numpy(), structure=np.ones((3, 3)))
    return [numbers == number for number in range(1, count + 1)]


def as_key(mask):
    return mask.tobytes()


def test_regions_are_the_connected_parts_of_every_label():
    found = segmentation()
    made = list(regions(found))
    wanted = {as_key(mask): label for label in (1, 2) for mask in by_search(found, label)}
    assert {as_key(region.full_mask()): region.label for region in made} == wanted
    for region in made:
        full = region.full_mask()
        rows, cols = np.nonzero(full)
        assert region.box == (cols.min(), rows.min(), cols.max() + 1, rows.max() + 1)
        assert region.area == full.sum()
        assert region.name == found.names[region.label]
        assert region.score == pytest.approx(float(found.scores.numpy()[full].mean()), abs=1e-5)
        assert torch.equal(tensor_mask(region), torch.from_numpy(full))


def test_one_region_per_label_and_none_below_the_smallest_area():
    found = segmentation(1)
    whole = list(regions(found, split=False))
    assert [(region.name, region.area) for region in whole] == [
        (name, int((found.labels == label).sum())) for label, name in ((1, "cat"), (2, "dog"))
    ]
    areas = sorted(region.area for region in regions(found))
    assert sorted(r.area for r in regions(found, min_area=4)) == [area for area in areas if area >= 4]


def test_ids_in_files_start_at_one_without_the_background():
    assert categories((BACKGROUND, "cat", "dog")) == {1: 1, 2: 2}
    assert categories(("cat", BACKGROUND, "dog")) == {0: 1, 2: 2}


def test_another_list_of_names_is_refused_and_the_first_one_holds():
    one = OneNameList()
    one.check("a.png", ("cat", "dog"))
    one.check("b.png", ("cat", "dog"))
    with pytest.raises(
        InputError, match=r"c.png: labels dog, cat differ from those of the first image, cat, dog"
    ):
        one.check("c.png", ("dog", "cat"))
    assert one.names == ("cat", "dog")


def test_what_is_not_there_is_named_with_the_command_that_makes_it():
    tagging = Tagging(names=("cat",), scores=(0.5,), chosen=(0,))
    tagged = Annotated(file_name="a.png", size=(19, 23), tagging=tagging)
    masked = Annotated(file_name="a.png", size=(19, 23), segmentation=segmentation())
    assert tagging_of(tagged) is tagging
    assert segmentation_of(masked) is masked.segmentation
    with pytest.raises(InputError, match="tagalign segment"):
        segmentation_of(tagged)
    with pytest.raises(InputError, match="tagalign tag"):
        tagging_of(masked)
    with pytest.raises(InputError, match=r"20 x 23 pixels \(height x width\), its masks 19 x 23"):
        segmentation_of(Annotated(file_name="a.png", size=(20, 23), segmentation=segmentation()))
