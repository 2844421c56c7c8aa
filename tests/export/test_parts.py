"""All parts at once against one region at a time."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from tagalign.errors import DataError
from tagalign.export.parts import parts_by_label
from tagalign.export.polygons import signed_area
from tagalign.export.records import regions
from tagalign.types import Segmentation

from .blobs import NAMES, annotated


def noise(seed: int = 0, size: tuple[int, int] = (40, 50)) -> Segmentation:
    labels = torch.from_numpy(np.random.default_rng(seed).integers(0, 4, size))
    scores = torch.rand(size, generator=torch.Generator().manual_seed(seed))
    return Segmentation(labels=labels, names=NAMES, scores=scores)


@pytest.mark.parametrize("segmentation", [noise(), annotated(3).segmentation], ids=["noise", "blobs"])
def test_parts_are_the_components_of_each_label(segmentation: Segmentation) -> None:
    labels, scores = segmentation.labels.numpy(), segmentation.scores.numpy()
    found = list(regions(segmentation))
    position = 0
    for label in (1, 2, 3):
        numbers, count = ndimage.label(labels == label, structure=np.ones((3, 3)))
        for number in range(1, count + 1):
            region, mask = found[position], numbers == number
            rows, cols = mask.nonzero()
            assert region.name == NAMES[label]
            assert region.box == (cols.min(), rows.min(), cols.max() + 1, rows.max() + 1)
            assert region.area == mask.sum()
            np.testing.assert_array_equal(region.full_mask(), mask)
            # the sum of float32 scores in float64
            assert region.score == pytest.approx(scores[mask].mean(), rel=1e-6)
            position += 1
    assert position == len(found)


@pytest.mark.parametrize("split", [True, False])
def test_codes_rings_and_box_runs_belong_to_their_part(split: bool) -> None:
    segmentation = noise(1)
    for parts in parts_by_label(segmentation, split=split):
        same = [r for r in regions(segmentation, split=split) if r.label == parts.label]
        assert len(parts) == len(same) == len(parts.codes())
        rings = parts.rings
        for region, runs, owned in zip(same, parts.box_runs(), parts.rings_by_part(), strict=True):
            cells = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
            np.testing.assert_array_equal(cells.reshape(region.mask.shape), region.mask)
            corners = [rings.corners[rings.bounds[i] : rings.bounds[i + 1]] for i in owned]
            assert sum(signed_area(ring.astype(float)) for ring in corners) == region.area
            assert np.concatenate(corners).min(axis=0).tolist() == list(region.box[:2])
            assert np.concatenate(corners).max(axis=0).tolist() == list(region.box[2:])


def test_small_parts_are_left_out_and_the_rest_keeps_its_order() -> None:
    segmentation = noise(2)
    large = [r for r in regions(segmentation) if r.area >= 5]
    kept = list(regions(segmentation, min_area=5))
    assert [(r.name, r.box, r.area) for r in kept] == [(r.name, r.box, r.area) for r in large]
    assert not list(regions(segmentation, min_area=41 * 50))


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_scores_that_are_no_numbers_are_refused(bad: float) -> None:
    found = noise()
    found.scores[3, 4] = bad
    found.labels[3, 4] = 2
    with pytest.raises(DataError, match=r"the scores of 'dog & <co>' hold NaN or infinity"):
        list(parts_by_label(found))
