"""What CVAT's own reader makes of our masks."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from tagalign.types import Segmentation

pytest.importorskip("cvat_sdk", reason="the cvat extra is not installed")
from cvat_sdk.masks import decode_mask

from tagalign.integrations.cvat.shapes import shapes_of, tags_of

NAMES = ("background", "cat", "dog")
IDS = {"cat": 0, "dog": 1}


def label_map() -> torch.Tensor:
    """A frame with an island in its hole, a single pixel, two that touch by a corner, and the last row and column."""
    labels = torch.zeros(24, 32, dtype=torch.long)
    labels[2:14, 3:17] = 1
    labels[5:11, 6:14] = 0
    labels[7:9, 9:11] = 2  # enclosed by the other label
    labels[16, 2] = labels[18, 4] = labels[19, 5] = 1
    labels[20:, 28:] = 2
    return labels


def segmentation(labels: torch.Tensor | None = None) -> Segmentation:
    labels = label_map() if labels is None else labels
    scores = torch.linspace(0.1, 0.9, labels.numel()).reshape(labels.shape)
    return Segmentation(labels=labels, names=NAMES, scores=scores)


def decoded(shape: object) -> np.ndarray:
    return decode_mask(shape.points, image_width=32, image_height=24)  # type: ignore[attr-defined]


@pytest.mark.parametrize("split", [True, False])
def test_masks_put_together_are_the_label_map(split: bool) -> None:
    shapes = shapes_of(segmentation(), "masks", IDS, split=split)
    rebuilt = np.zeros((24, 32), dtype=np.int64)
    for shape in shapes:
        assert not rebuilt[decoded(shape)].any()  # no pixel twice
        rebuilt[decoded(shape)] = shape.label_id + 1
    np.testing.assert_array_equal(rebuilt, label_map().numpy())
    assert len(shapes) == (5 if split else 2)


def test_boxes_are_those_of_the_masks() -> None:
    boxes, masks = (shapes_of(segmentation(), form, IDS) for form in ("rectangles", "masks"))
    for box, mask in zip(boxes, masks, strict=True):
        rows, cols = np.nonzero(decoded(mask))
        assert box.points == [cols.min(), rows.min(), cols.max() + 1, rows.max() + 1]


def test_polygons_filled_again_are_the_masks() -> None:
    polygons, masks = (shapes_of(segmentation(), form, IDS) for form in ("polygons", "masks"))
    for polygon, mask in zip(polygons, masks, strict=True):
        # filled at eight times the size, looked at in the middle of each pixel: a fill of ours would prove nothing
        large = Image.new("1", (32 * 8, 24 * 8))
        corners = [8 * one for one in polygon.points]
        ImageDraw.Draw(large).polygon(corners, fill=1)
        np.testing.assert_array_equal(np.asarray(large)[4::8, 4::8], decoded(mask))


def test_shapes_below_the_threshold_are_left_out() -> None:
    every = shapes_of(segmentation(), "masks", IDS)
    least = sorted(shape.score for shape in every)[2]
    kept = shapes_of(segmentation(), "masks", IDS, threshold=least)
    assert [shape.score for shape in kept] == [shape.score for shape in every if shape.score >= least]


def test_small_parts_are_left_out() -> None:
    areas = [decoded(shape).sum() for shape in shapes_of(segmentation(), "masks", IDS, min_area=2)]
    assert sorted(areas) == [2, 4, 16, 120]


def test_scores_are_within_what_the_sdk_takes() -> None:
    loud = Segmentation(labels=label_map(), names=NAMES, scores=torch.full((24, 32), 7.5))
    assert {shape.score for shape in shapes_of(loud, "masks", IDS)} == {1.0}


def test_nothing_found_is_no_shape() -> None:
    assert shapes_of(segmentation(torch.zeros(24, 32, dtype=torch.long)), "masks", IDS) == []
    assert shapes_of(segmentation(), "masks", {}) == []


def test_tags_have_the_ids_of_their_names() -> None:
    assert [tag.label_id for tag in tags_of([("dog", 0.9), ("bird", 0.5)], IDS)] == [1]
