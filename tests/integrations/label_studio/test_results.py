"""Predictions are what the masks are, read back by Label Studio's own decoder and checked by its own rules."""

from itertools import count

import numpy as np
import pytest
import torch
from scipy import ndimage

from tagalign.integrations.label_studio.config import ControlTag, read_config
from tagalign.integrations.label_studio.results import choices, mean_score, referred, shapes
from tagalign.types import Referring, Segmentation, Tagging

from .reading import box_of, filled, pixels_of

interface = pytest.importorskip(
    "label_studio_sdk.label_interface", reason="label-studio-sdk is not installed"
)

TAGS = ("BrushLabels", "PolygonLabels", "RectangleLabels")
NAMES = ("background", "dog", "cat & co", "tree")
VALUES = {"dog": "Dog", "cat & co": "cat & co", "tree": "tree"}
TEXT = (
    '<View><Image name="image" value="$image"/>'
    + "".join(
        f'<{tag} name="{tag}" toName="image"><Label value="Dog"/><Label value="cat &amp; co"/><Label value="tree"/></{tag}>'
        for tag in TAGS
    )
    + '<Brush name="brush" toName="image"/><Polygon name="polygon" toName="image"/>'
    '<Rectangle name="rectangle" toName="image"/>'
    '<Labels name="kinds" toName="image"><Label value="Dog"/><Label value="cat &amp; co"/><Label value="tree"/></Labels>'
    '<Choices name="one" toName="image"><Choice value="Dog"/><Choice value="tree"/></Choices>'
    '<Choices name="many" toName="image" choice="multiple"><Choice value="Dog"/><Choice value="tree"/></Choices></View>'
)
CONTROLS = {control.name: control for control in read_config(TEXT).controls}


def control(name: str) -> ControlTag:
    return CONTROLS[name]


def segmentation(seed: int = 0) -> Segmentation:
    """Blobs with holes, islands, and parts that touch by a corner; 61 x 83 pixels, which per cents do not divide."""
    rng = np.random.default_rng(seed)
    noise = ndimage.gaussian_filter(rng.standard_normal((4, 61, 83)), (0, 3, 3))
    labels = noise.argmax(0)
    labels[0, 0], labels[1, 1] = 1, 1
    scores = torch.from_numpy(rng.random((61, 83)).astype(np.float32))
    return Segmentation(labels=torch.from_numpy(labels), names=NAMES, scores=scores)


def is_valid(results: list[dict]) -> bool:
    found = interface.LabelInterface(TEXT).validate_prediction({"result": results}, return_errors=True)
    assert found == []
    return True


def test_a_brush_holds_every_pixel_of_its_label() -> None:
    found = segmentation()
    results = shapes(control("BrushLabels"), found, VALUES, count(1), min_area=64)
    assert is_valid(results)
    assert [one["value"]["brushlabels"] for one in results] == [["Dog"], ["cat & co"], ["tree"]]
    for number, one in enumerate(results, start=1):
        expected = (found.labels == number).numpy()
        np.testing.assert_array_equal(pixels_of(one), expected)
        assert one["score"] == pytest.approx(
            found.scores.numpy()[expected].mean(), abs=1e-6
        )  # rounded to six digits


def test_rectangles_are_the_boxes_of_connected_parts() -> None:
    found = segmentation()
    results = shapes(control("RectangleLabels"), found, VALUES, count(1), min_area=20)
    assert is_valid(results)
    expected = []
    for number, name in enumerate(NAMES[1:], start=1):
        parts, _ = ndimage.label(found.labels.numpy() == number, structure=np.ones((3, 3)))
        for i, (rows, cols) in enumerate(ndimage.find_objects(parts), start=1):
            if (parts == i).sum() >= 20:
                expected.append(([VALUES[name]], (cols.start, rows.start, cols.stop, rows.stop)))
    assert [(one["value"]["rectanglelabels"], box_of(one)) for one in results] == expected
    assert len({one["id"] for one in results}) == len(results)


def test_polygons_hold_the_pixels_of_parts_with_their_holes() -> None:
    labels = torch.zeros(61, 83, dtype=torch.int64)
    labels[5:50, 7:60] = 1
    labels[20:30, 20:40] = 0  # a hole
    labels[22:28, 25:35] = 1  # with an island in it
    found = Segmentation(labels=labels, names=NAMES, scores=torch.ones(61, 83))
    results = shapes(control("PolygonLabels"), found, VALUES, count(1), min_area=1)
    assert is_valid(results)
    assert len(results) == 2
    masks = [pixels_of(one) for one in results]
    np.testing.assert_array_equal(masks[0] | masks[1], labels.numpy() == 1)
    assert not (masks[0] & masks[1]).any()
    assert all(0 <= place <= 100 for one in results for point in one["value"]["points"] for place in point)


def test_shapes_without_labels_are_named_by_the_tag_beside_them() -> None:
    for name in ("brush", "polygon", "rectangle"):
        results = shapes(
            control(name), segmentation(), VALUES, count(1), min_area=200, labels_of=control("kinds")
        )
        assert results
        assert is_valid(results)
        drawn, named = results[::2], results[1::2]
        assert [one["type"] for one in drawn] == [name] * len(drawn)
        assert [one["id"] for one in drawn] == [one["id"] for one in named]
        assert {label for one in named for label in one["value"]["labels"]} <= set(VALUES.values())
        assert all(set(one["value"]) < set(other["value"]) for one, other in zip(drawn, named, strict=True))


def test_choices_are_the_chosen_labels_or_the_best_of_them() -> None:
    tagging = Tagging(names=("dog", "tree"), scores=(0.4, 0.9), chosen=(1, 0))
    many = choices(control("many"), tagging, VALUES, count(1))
    assert [(one["value"], one["score"]) for one in many] == [({"choices": ["tree", "Dog"]}, 0.9)]
    one = choices(control("one"), tagging, VALUES, count(1))
    assert [found["value"] for found in one] == [{"choices": ["tree"]}]
    assert is_valid(many + one)
    nothing = Tagging(names=("dog",), scores=(0.1,), chosen=())
    assert choices(control("many"), nothing, VALUES, count(1)) == []


def test_the_region_of_a_phrase_is_whole_in_every_form() -> None:
    mask = torch.zeros(61, 83, dtype=torch.bool)
    mask[3:10, 4:20] = mask[30:40, 50:70] = True
    found = Referring(phrase="the dogs", mask=mask, box=(4, 3, 70, 40), score=0.7, heat=mask.float())
    (brush,) = referred(control("BrushLabels"), found, "Dog", count(1))
    np.testing.assert_array_equal(pixels_of(brush), mask.numpy())
    assert brush["meta"] == {"text": ["the dogs"]}
    (box,) = referred(control("RectangleLabels"), found, "Dog", count(1))
    assert box_of(box) == (4, 3, 70, 40)
    rings = referred(control("PolygonLabels"), found, "Dog", count(1))
    assert len(rings) == 2
    (bare,) = referred(control("brush"), found, None, count(1))
    assert is_valid([brush, box, *rings, bare])
    none = Referring(phrase="x", mask=mask & False, box=None, score=0.0, heat=mask.float())
    assert referred(control("BrushLabels"), none, "Dog", count(1)) == []


def test_the_score_of_a_prediction_is_the_mean_of_its_results() -> None:
    assert mean_score([]) == 0.0
    assert mean_score([{"score": 0.2}, {"score": 0.4}, {}]) == pytest.approx(0.3)


def test_the_reader_of_these_tests_fills_a_ring_as_it_is() -> None:
    inside = filled([(1, 1), (4, 1), (4, 3), (1, 3)], 5, 6)
    assert [tuple(place) for place in np.argwhere(inside)] == [(r, c) for r in (1, 2) for c in (1, 2, 3)]
