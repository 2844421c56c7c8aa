"""What our exports write the importer reads: the same labels, and the same pixels wherever the format holds them.

Run-length codes, CVAT's masks and brush strokes are exact. Polygons are exact where every corner stays (parts of up to
400 pixels); larger parts are within the 2 % of their area that the exporter promises.
"""

import json

import numpy as np
import pytest
import torch
from annotation_toys import masks_by_label, read_all

from tagalign.data.annotations.laid import LayingRules, lay
from tagalign.data.annotations.photo_folder import PhotoFolder
from tagalign.data.annotations.targets.painting import painted
from tagalign.export.coco import write_coco
from tagalign.export.cvat import write_cvat
from tagalign.export.label_studio import write_label_studio
from tagalign.export.labelme import write_labelme
from tagalign.export.records import Annotated
from tagalign.export.yolo import write_yolo
from tagalign.types import Segmentation, Tagging

from .blobs import NAMES, annotated, blob_labels

pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation:DeprecationWarning"
)  # of pycocotools


def coco(folder, images, **form):
    write_coco(folder / "a.json", images, **form)
    return "coco", folder / "a.json"


def cvat(folder, images, **form):
    write_cvat(folder / "a.xml", images, NAMES, **form)
    return "cvat", folder / "a.xml"


def studio(folder, images):
    write_label_studio(folder / "a.json", images, image_url="/data/local-files/?d=")
    return "label-studio", folder / "a.json"


def labelme(folder, images, **form):
    write_labelme(folder / "labelme", images, **form)
    return "labelme", folder / "labelme"


def yolo(folder, images):
    write_yolo(folder / "set", images)
    return "yolo", folder / "set"


EXACT = {
    "coco": coco,
    "coco stuff": lambda folder, images: coco(folder, images, split=False),
    "cvat": cvat,
    "label-studio": studio,
    "labelme masks": lambda folder, images: labelme(folder, images, form="masks"),
}
POLYGONS = {
    "coco polygons": lambda folder, images: coco(folder, images, form="polygons"),
    "cvat polygons": lambda folder, images: cvat(folder, images, form="polygons"),
    "labelme": labelme,
    "yolo": yolo,
}


def nested():
    """A ring with a hole, an island in it, a label enclosed, parts that touch by a corner; small enough to be exact."""
    labels = torch.zeros(24, 30, dtype=torch.int64)
    labels[2:16, 2:16] = 1
    labels[5:13, 5:13] = 0
    labels[7:10, 7:10] = 2
    labels[8, 8] = 1
    labels[16:20, 16:20] = 1
    labels[0, 29] = 3
    return of(labels, "day 1/a, 'b' 写真.jpg")


def of(labels, name, names=NAMES):
    tagging = Tagging(names=names[1:], scores=(0.9, 0.2, 0.7), chosen=(0, 2)) if names is NAMES else None
    scores = torch.ones(tuple(labels.shape))
    segmentation = Segmentation(labels=labels, names=names, scores=scores)
    return Annotated(file_name=name, size=tuple(labels.shape), segmentation=segmentation, tagging=tagging)


def read_back(written, image):
    (photo,), source = (lambda found: (list(found[0].values()), found[1]))(
        read_all(*written, size=image.size)
    )
    assert not source.told.counts
    assert photo.size == image.size or not photo.regions  # Label Studio says the size beside each region
    return photo, source


def truth(image):
    labels = image.segmentation.labels.numpy()
    return {name: labels == i for i, name in enumerate(NAMES) if i and (labels == i).any()}


def same_pixels(photo, image):
    found, expected = masks_by_label(photo), truth(image)
    assert found.keys() == expected.keys()
    for name, mask in expected.items():
        np.testing.assert_array_equal(found[name], mask, err_msg=name)


@pytest.mark.parametrize(
    "image", [nested(), annotated(0, "a.jpg"), of(torch.zeros(5, 7, dtype=torch.int64), "empty.jpg")]
)
@pytest.mark.parametrize("name", EXACT)
def test_codes_give_back_every_pixel(name, image, tmp_path):
    same_pixels(read_back(EXACT[name](tmp_path, [image]), image)[0], image)


@pytest.mark.parametrize(
    "image",
    [nested(), of(blob_labels(0, size=(16, 22)), "a.jpg"), of(blob_labels(1, size=(16, 22)), "a.jpg")],
)
@pytest.mark.parametrize("name", POLYGONS)
def test_polygons_of_small_parts_give_back_every_pixel(name, image, tmp_path):
    same_pixels(read_back(POLYGONS[name](tmp_path, [image]), image)[0], image)


@pytest.mark.parametrize("name", POLYGONS)
def test_polygons_of_large_parts_keep_their_area(name, tmp_path):
    image = annotated(3, "a.jpg")
    found, expected = masks_by_label(read_back(POLYGONS[name](tmp_path, [image]), image)[0]), truth(image)
    assert found.keys() == expected.keys()
    for label, mask in expected.items():
        assert abs(int(found[label].sum()) - int(mask.sum())) <= 0.02 * mask.sum() + 2, (
            "the promise, and a pixel's rounding"
        )


def test_names_of_photos_and_tags_come_back(tmp_path):
    image = nested()
    assert read_back(cvat(tmp_path, [image]), image)[0].tags == ("cat", "tree")
    for write in (studio, labelme):
        photo, source = read_back(write(tmp_path, [image]), image)
        assert photo.tags == ("cat", "tree")
        assert photo.said_by == "model", "nobody has judged our own suggestions"
        assert set(source.names) == set(NAMES[1:])
    for name, write in {**EXACT, **POLYGONS}.items():
        photo, _ = read_back(write(tmp_path, [image]), image)
        expected = image.file_name.removesuffix(".jpg") if name == "yolo" else image.file_name
        assert photo.name.endswith(expected) or "%" in photo.name


# --- real photos ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mini(real_data, tmp_path_factory):
    """20 photos of COCO as they are annotated, and the file of their annotations alone."""
    folder = real_data / "coco_mini"
    (path,) = (folder / "annotations").glob("instances*.json")
    content = json.loads(path.read_text())
    images = content["images"][:20]
    kept = {image["id"] for image in images}
    rows = [row for row in content["annotations"] if row["image_id"] in kept]
    out = tmp_path_factory.mktemp("mini") / "instances.json"
    out.write_text(json.dumps(content | {"images": images, "annotations": rows}))
    return folder, out


@pytest.mark.real
def test_cocos_own_reader_sees_the_same_pixels_on_real_photos(mini):
    tools = pytest.importorskip("pycocotools.coco", reason="the export extra is not installed")
    folder, path = mini
    api = tools.COCO(str(path))
    names = {row["id"]: row["name"] for row in api.dataset["categories"]}
    laid = lay(path, "coco", PhotoFolder(folder), LayingRules())
    assert (len(laid), laid.told.counts) == (20, {})
    by_name = {row["file_name"]: row["id"] for row in api.dataset["images"]}
    for one in laid:
        rows = api.loadAnns(api.getAnnIds(imgIds=[by_name[one.photo.path.name]]))
        assert len(rows) == len(one.marked.regions)
        for row, region in zip(rows, one.marked.regions, strict=True):
            assert (region.label, region.crowd) == (names[row["category_id"]], bool(row["iscrowd"]))
            np.testing.assert_array_equal(region.mask(one.marked.size), api.annToMask(row).astype(bool))


@pytest.mark.real
@pytest.mark.parametrize("name", EXACT)
def test_real_label_maps_go_out_and_come_back(name, mini, tmp_path):
    folder, path = mini
    laid = lay(path, "coco", PhotoFolder(folder), LayingRules())
    names = ("background", *laid.labels)
    ids = {label: i for i, label in enumerate(names)}
    maps = {one.photo.place: painted(one.marked, ids, empty=0, ignore=0) for one in laid}
    images = [of(torch.from_numpy(found), place, names) for place, found in maps.items()]
    kind, written = EXACT[name](tmp_path, images)
    again = lay(written, kind, PhotoFolder(folder), LayingRules(with_suggestions=True))
    assert len(again) == 20
    # of a format with a file per photo, what lies in the folder and has none
    silent = len(list(PhotoFolder(folder).places())) - 20 if kind == "labelme" else 0
    assert sum(again.told.counts.values()) == silent
    for one in again:
        np.testing.assert_array_equal(painted(one.marked, ids, empty=0, ignore=0), maps[one.photo.place])
