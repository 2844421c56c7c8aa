import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from tagalign.errors import MissingExtraError
from tagalign.export import fiftyone as export

from .blobs import NAMES, annotated


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """FiftyOne brings a database; its labels are plain records, which is all that is needed here."""
    kinds = ("Segmentation", "Classification", "Classifications", "Detection", "Detections", "Heatmap")
    made = {name: SimpleNamespace for name in kinds}
    monkeypatch.setitem(sys.modules, "fiftyone", SimpleNamespace(**made))


@pytest.mark.usefixtures("stand_in")
def test_pixels_and_targets_belong_together() -> None:
    segmentation = annotated(0).segmentation
    mask = export.to_segmentation(segmentation).mask
    assert mask.dtype == np.uint8
    np.testing.assert_array_equal(mask, segmentation.labels.numpy())
    assert export.mask_targets(NAMES) == {1: "cat", 2: "dog & <co>", 3: "tree"}


@pytest.mark.usefixtures("stand_in")
def test_without_a_background_ids_start_at_one() -> None:
    segmentation = annotated(0, names=("sky", "cat", "dog", "tree")).segmentation
    np.testing.assert_array_equal(export.to_segmentation(segmentation).mask, segmentation.labels.numpy() + 1)


@pytest.mark.usefixtures("stand_in")
def test_chosen_tags_become_classifications() -> None:
    rows = export.to_classifications(annotated(0).tagging).classifications
    assert [(row.label, row.confidence) for row in rows] == [("cat", 0.9), ("tree", 0.7)]


@pytest.mark.usefixtures("stand_in")
@pytest.mark.parametrize("split", [True, False])
def test_detections_pasted_into_their_boxes_are_the_label_map(split: bool) -> None:
    segmentation = annotated(0).segmentation
    assert segmentation is not None
    height, width = segmentation.labels.shape
    rebuilt = np.zeros((height, width), dtype=np.int64)
    for one in export.to_detections(segmentation, split=split).detections:
        x, y, w, h = (np.array(one.bounding_box) * [width, height, width, height]).round().astype(int)
        assert one.mask.shape == (h, w)
        rebuilt[y : y + h, x : x + w][one.mask] = NAMES.index(one.label)
    np.testing.assert_array_equal(rebuilt, segmentation.labels.numpy())


@pytest.mark.usefixtures("stand_in")
def test_detections_below_the_threshold_are_left_out() -> None:
    segmentation = annotated(0).segmentation
    assert segmentation is not None
    scores = sorted(one.confidence for one in export.to_detections(segmentation).detections)
    kept = export.to_detections(segmentation, threshold=scores[1]).detections
    assert sorted(one.confidence for one in kept) == scores[1:]


@pytest.mark.usefixtures("stand_in")
def test_heat_maps_have_256_steps() -> None:
    found = export.to_heatmap(torch.tensor([[0.0, 0.5, 1.0, 1.5, -0.1]])).map
    assert (found.dtype, found.tolist()) == (np.uint8, [[0, 128, 255, 255, 0]])


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fiftyone", None)
    with pytest.raises(MissingExtraError, match="tagalign\\[fiftyone\\]"):
        export.to_classifications(annotated(0).tagging)
