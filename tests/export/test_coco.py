import json
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import ndimage

from tagalign.errors import InputError
from tagalign.export.coco import write_coco
from tagalign.export.records import Annotated, categories
from tagalign.types import Segmentation

from .blobs import NAMES, annotated, blob_labels

coco = pytest.importorskip("pycocotools.coco", reason="the export extra is not installed")
# pycocotools 2.0.11 calls numpy 2 the old way
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def read(path: Path) -> "coco.COCO":
    return coco.COCO(str(path))


@pytest.mark.parametrize("form", ["rle", "polygons"])
def test_pycocotools_reads_the_same_areas_and_boxes(tmp_path: Path, form: str) -> None:
    images = [annotated(seed) for seed in range(3)]
    count = write_coco(tmp_path / "a.json", images, form=form)
    data = read(tmp_path / "a.json")
    assert len(data.anns) == count > 10
    for row in data.anns.values():
        decoded = data.annToMask(row).astype(bool)
        # run-length code is exact; polygons promise 2 %
        assert abs(decoded.sum() - row["area"]) <= (0 if form == "rle" else 0.02 * row["area"])
        rows, cols = decoded.nonzero()
        box = [cols.min(), rows.min(), cols.max() + 1 - cols.min(), rows.max() + 1 - rows.min()]
        np.testing.assert_allclose(row["bbox"], box, atol=0 if form == "rle" else 1)


def test_instances_put_together_are_the_label_map(tmp_path: Path) -> None:
    image = annotated(5)
    write_coco(tmp_path / "a.json", [image])
    data = read(tmp_path / "a.json")
    rebuilt = np.zeros(image.size, dtype=np.int64)
    for row in data.anns.values():
        rebuilt[data.annToMask(row).astype(bool)] = row["category_id"]
    np.testing.assert_array_equal(rebuilt, image.segmentation.labels.numpy())


def test_instances_are_connected_parts_and_stuff_is_one_per_label(tmp_path: Path) -> None:
    labels = blob_labels(7)
    image = annotated(7)
    parts = sum(ndimage.label(labels.numpy() == i, structure=np.ones((3, 3)))[1] for i in (1, 2, 3))
    assert write_coco(tmp_path / "instances.json", [image]) == parts
    assert write_coco(tmp_path / "stuff.json", [image], split=False) == len(
        set(labels.unique().tolist()) - {0}
    )


def test_names_and_ids(tmp_path: Path) -> None:
    write_coco(tmp_path / "a.json", [annotated(0, "x/ä.jpg")])
    data = json.loads((tmp_path / "a.json").read_text())
    assert [(row["id"], row["name"]) for row in data["categories"]] == [
        (1, "cat"),
        (2, "dog & <co>"),
        (3, "tree"),
    ]
    assert data["images"] == [{"id": 1, "file_name": "x/ä.jpg", "height": 60, "width": 80}]
    assert categories(("cat", "dog")) == {0: 1, 1: 2}


def test_the_score_is_the_mean_inside(tmp_path: Path) -> None:
    image = annotated(1)
    write_coco(tmp_path / "a.json", [image], split=False)
    for row in json.loads((tmp_path / "a.json").read_text())["annotations"]:
        inside = image.segmentation.labels == row["category_id"]
        # six digits are written
        assert row["score"] == pytest.approx(float(image.segmentation.scores[inside].mean()), abs=1e-6)


def test_small_regions_can_be_left_out(tmp_path: Path) -> None:
    write_coco(tmp_path / "a.json", [annotated(2)], min_area=50)
    areas = [row["area"] for row in json.loads((tmp_path / "a.json").read_text())["annotations"]]
    assert areas
    assert min(areas) >= 50


def test_other_labels_missing_masks_and_other_sizes_are_refused(tmp_path: Path) -> None:
    renamed = annotated(1, names=("background", "cat", "dog", "bush"))
    without = Annotated(file_name="a.jpg", size=(60, 80), tagging=annotated(0).tagging)
    resized = Annotated(file_name="b.jpg", size=(61, 80), segmentation=annotated(0).segmentation)
    for images, message in (
        ([annotated(0), renamed], r"photo 1\.jpg: labels background, cat, dog, bush differ"),
        ([without], r"a\.jpg: has tags and no masks"),
        ([resized], r"b\.jpg: the image is 61 x 80 pixels .* its masks 60 x 80"),
    ):
        with pytest.raises(InputError, match=message):
            write_coco(tmp_path / "a.json", images)
    assert not list(tmp_path.iterdir())


def test_no_images_and_nothing_found_are_valid_files(tmp_path: Path) -> None:
    assert write_coco(tmp_path / "a.json", []) == 0
    nothing = Segmentation(labels=torch.zeros(4, 4, dtype=torch.int64), names=NAMES, scores=torch.zeros(4, 4))
    write_coco(tmp_path / "b.json", [Annotated(file_name="a.jpg", size=(4, 4), segmentation=nothing)])
    assert read(tmp_path / "a.json").imgs == {}
    assert list(read(tmp_path / "b.json").imgs) == [1]
    assert len(read(tmp_path / "b.json").cats) == 3
