"""What Datumaro, CVAT's own converter of data sets, writes is read back with the same labels, boxes and pixels."""

from pathlib import Path

import numpy as np
import pytest
from annotation_toys import masks_by_label

from tagalign.data.annotations.laid import LayingRules, lay
from tagalign.data.annotations.opening import format_of, photos_beside
from tagalign.data.annotations.photo_folder import PhotoFolder

SIZE = (24, 30)
BOX = (1.0, 1.0, 6.0, 7.0)


def ring() -> np.ndarray:
    """With a hole and an island in it."""
    mask = np.zeros(SIZE, dtype=bool)
    mask[2:16, 2:16] = True
    mask[5:13, 5:13] = False
    mask[8:10, 8:10] = True
    return mask


@pytest.mark.filterwarnings("ignore")  # of Datumaro's own imports
@pytest.mark.parametrize(
    ("form", "place", "holds"),
    [
        ("coco_instances", "annotations/instances_default.json", {"mask", "polygon", "box"}),
        ("cvat", "default.xml", {"mask", "polygon", "box"}),
        ("voc", ".", {"mask"}),
        ("yolo", ".", {"box"}),
    ],
)
def test_datumaros_files_are_read(form: str, place: str, holds: set[str], tmp_path: Path) -> None:
    dm = pytest.importorskip("datumaro", reason="it brings half a gigabyte, and is installed by hand")
    marks = {
        "mask": dm.Mask(ring(), label=1, id=1, group=1),
        "polygon": dm.Polygon([3, 17, 20, 17, 20, 20, 3, 20], label=0, id=2, group=2),
        "box": dm.Bbox(BOX[0], BOX[1], BOX[2] - BOX[0], BOX[3] - BOX[1], label=0, id=3, group=3),
    }
    photo = dm.Image.from_numpy(np.zeros((*SIZE, 3), dtype=np.uint8))
    item = dm.DatasetItem(id="day 1, 写", media=photo, annotations=[marks[one] for one in sorted(holds)])
    dm.Dataset.from_iterable([item], categories=["cat", "dog"]).export(
        str(tmp_path / "set"), form, save_media=True
    )
    path = (tmp_path / "set" / place).resolve()
    name = format_of(path)
    photos = tmp_path / "set" if path.is_file() else photos_beside(path, name)
    laid = lay(path, name, PhotoFolder(photos), LayingRules())
    (one,) = laid
    assert not laid.told.counts
    assert Path(one.photo.place).stem == "day 1, 写"
    regions = one.marked.regions
    assert [tuple(found.box) for found in regions if found.is_box] == [pytest.approx(BOX, abs=1e-4)] * (
        "box" in holds
    )
    # YOLO has six digits of the share of a side
    masks = masks_by_label(
        type(one.marked)(name="x", size=SIZE, regions=tuple(found for found in regions if not found.is_box))
    )
    assert masks.keys() == {name for name, one in (("dog", "mask"), ("cat", "polygon")) if one in holds}
    if "mask" in holds:
        np.testing.assert_array_equal(masks["dog"], ring())
    if "polygon" in holds:
        expected = np.zeros(SIZE, dtype=bool)
        expected[17:20, 3:20] = True
        np.testing.assert_array_equal(masks["cat"], expected)
