import numpy as np
import pytest
import torch

from tagalign.export.supervision import referring_to_detections, to_detections
from tagalign.types import Referring, Segmentation, Tagging

from .blobs import NAMES, annotated

sv = pytest.importorskip("supervision", reason="the export extra is not installed")


def test_detections_put_together_are_the_label_map() -> None:
    segmentation = annotated(2).segmentation
    found = to_detections(segmentation)
    rebuilt = np.zeros(found.mask.shape[1:], dtype=np.int64)
    for mask, class_id in zip(found.mask, found.class_id, strict=True):
        rebuilt[mask] = class_id
    np.testing.assert_array_equal(rebuilt, segmentation.labels.numpy())
    assert set(found.data["class_name"]) == set(NAMES[1:])


def test_boxes_are_those_of_supervision() -> None:
    found = to_detections(annotated(2).segmentation)
    inclusive = sv.mask_to_xyxy(found.mask)  # their boxes end on the last pixel, ours after it
    np.testing.assert_array_equal(found.xyxy, inclusive + np.array([0, 0, 1, 1]))


def test_its_annotator_draws_them() -> None:
    picture = np.zeros((60, 80, 3), dtype=np.uint8)
    drawn = sv.MaskAnnotator().annotate(picture.copy(), to_detections(annotated(2).segmentation))
    assert drawn.any()


def test_nothing_found_is_no_detection() -> None:
    empty = torch.zeros(4, 4)
    segmentation = Segmentation(labels=empty.long(), names=NAMES, scores=empty)
    assert len(to_detections(segmentation)) == 0
    nothing = Referring(phrase="a unicorn", mask=empty.bool(), box=None, score=0.1, heat=empty)
    assert len(referring_to_detections(nothing)) == 0


def test_a_phrase_is_one_detection() -> None:
    mask = torch.zeros(4, 4, dtype=torch.bool)
    mask[1:3, 2] = True
    found = referring_to_detections(
        Referring(phrase="the dog", mask=mask, box=(2, 1, 3, 3), score=0.5, heat=torch.zeros(4, 4))
    )
    assert found.xyxy.tolist() == [[2, 1, 3, 3]]
    assert found.data["class_name"].tolist() == ["the dog"]


TAGGING = Tagging(names=("cat", "dog", "tree", "sky"), scores=(0.2, 0.9, 0.7, 0.2), chosen=(1, 2))


def test_chosen_tags_are_classifications_and_supervision_ranks_them_alike() -> None:
    found = TAGGING.to_classifications()
    assert found.class_id.tolist() == [1, 2]
    every = TAGGING.to_classifications(every=True)
    assert every.class_id.tolist() == [1, 2, 0, 3]
    ids, scores = every.get_top_k(2)
    assert [
        (TAGGING.names[i], round(float(score), 3)) for i, score in zip(ids, scores, strict=True)
    ] == TAGGING.top(2)


def test_no_tag_is_no_classification() -> None:
    assert len(Tagging(names=("cat",), scores=(0.1,), chosen=()).to_classifications()) == 0


def test_results_give_the_same_as_the_functions() -> None:
    segmentation = annotated(2).segmentation
    assert segmentation is not None
    mine, its = segmentation.to_detections(min_area=3), to_detections(segmentation, min_area=3)
    np.testing.assert_array_equal(mine.mask, its.mask)
    assert len(segmentation.to_detections(split=False)) == 3
    mask = torch.ones(2, 3, dtype=torch.bool)
    one = Referring(phrase="all", mask=mask, box=(0, 0, 3, 2), score=1.0, heat=mask.float())
    assert one.to_detections().box_area.tolist() == [6.0]
