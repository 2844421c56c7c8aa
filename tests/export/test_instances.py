"""Instances in other formats: each is one object, touching or torn apart, with its own score."""

import json

import cv2
import numpy as np
import pytest
import torch
from pycocotools import mask as coco_mask

from tagalign.export.coco import write_coco
from tagalign.export.instances import read_instances
from tagalign.export.records import Annotated
from tagalign.export.supervision import to_detections
from tagalign.export.yolo import yolo_lines
from tagalign.ops.masks import encode_rle
from tagalign.tasks.regions.options import RegionOptions
from tagalign.tasks.regions.value import Regions
from tagalign.tasks.regions.voting import vote_regions
from tagalign.types import Segmentation

SIZE = (40, 60)
# pycocotools' binding was built for an older NumPy
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture
def found():
    """Two regions of one label that touch, and one in three pieces with a hole."""
    labels = torch.zeros(SIZE, dtype=torch.int64)
    labels[:, 30:] = 1
    ids = torch.zeros(SIZE, dtype=torch.int64)
    ids[5:20, 2:12], ids[5:20, 12:25] = 1, 2
    ids[2:12, 32:45], ids[5:8, 35:40] = 3, 0
    ids[20:30, 33:40] = ids[31:38, 50:58] = 3
    plain = Segmentation(labels=labels, names=("dog", "cat"), scores=torch.rand(SIZE))
    return vote_regions(plain, Regions.of_ids(ids), RegionOptions(min_pixels=1))


def test_coco_holds_each_once_and_exactly(found, tmp_path):
    image = Annotated(file_name="a.png", size=SIZE, segmentation=found)
    for form in ("rle", "polygons"):
        assert write_coco(tmp_path / "a.json", [image], form=form) == 3
        rows = json.loads((tmp_path / "a.json").read_text())["annotations"]
        for row, one in zip(rows, found.instances, strict=True):
            assert row["area"] == one.area
            assert row["score"] == pytest.approx(one.score, abs=1e-6)  # six digits
            code = row["segmentation"]
            if form == "polygons":
                code = coco_mask.merge(coco_mask.frPyObjects(code, *SIZE))
            mask = coco_mask.decode(code) > 0
            union = (mask | one.mask.numpy()).sum()
            # polygons of whole pixels lose the cut to the hole at most
            assert (mask & one.mask.numpy()).sum() / union > (0.999 if form == "rle" else 0.95)
    assert write_coco(tmp_path / "a.json", [image], min_area=200) == 1


def test_a_line_of_yolo_is_one_object(found):
    lines = yolo_lines(found).splitlines()
    assert len(lines) == 3
    for line, one in zip(lines, found.instances, strict=True):
        label, *numbers = line.split()
        assert int(label) == one.label
        corners = np.array(numbers, dtype=float).reshape(-1, 2) * SIZE[::-1]
        large = np.zeros((SIZE[0] * 8, SIZE[1] * 8), np.uint8)  # so that OpenCV's border of one pixel is thin
        cv2.fillPoly(large, [np.round(corners * 8).astype(np.int32)], 1)
        mask = large[4::8, 4::8] > 0
        overlap = (mask & one.mask.numpy()).sum() / (mask | one.mask.numpy()).sum()
        assert overlap > 0.95


def test_detections_are_the_instances(found):
    made = to_detections(found)
    assert len(made) == 3
    for i, one in enumerate(found.instances):
        assert np.array_equal(made.mask[i], one.mask.numpy())
        assert made.confidence[i] == pytest.approx(one.score, abs=1e-6)
        assert tuple(made.xyxy[i]) == one.box
        assert made.data["class_name"][i] == one.name


def test_they_are_read_back_as_they_were(found):
    stored = [(one.label, one.score, one.box, encode_rle(one.mask)) for one in found.instances]
    read = read_instances(stored, found.names, SIZE)
    for mine, theirs in zip(read, found.instances, strict=True):
        assert torch.equal(mine.mask, theirs.mask)
        assert (mine.label, mine.name, mine.box) == (theirs.label, theirs.name, theirs.box)
