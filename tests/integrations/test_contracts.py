"""Twenty real photos through a random CLIP with a full one's patches and sizes, and each tool's reader on what comes out.

A random encoder gives the masks that readers stumble over: islands, holes, masks inside masks, single pixels. One photo has
no mask at all. Labels, areas, boxes and pixels must be equal after decoding; polygons promise areas within 2 %.
"""

from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tagalign.export.coco import write_coco
from tagalign.export.cvat import write_cvat
from tagalign.export.records import Annotated
from tagalign.integrations.label_names import asked_labels
from tagalign.integrations.tool_model import ToolModel
from tagalign.tasks.model import Model, load
from tagalign.testing.clip_folder import VIT_B16, make_clip_folder
from tagalign.types import Segmentation

pytestmark = [pytest.mark.slow, pytest.mark.real]

PHOTOS = 20
LABELS = ["person", "dog", "traffic light", "grass & sky", "chair, or \u6905\u5b50"]
NAMES = ("background", *LABELS)
POLYGON_TOLERANCE = 0.02  # the promise of export.polygons


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    # two layers of each tower: the masks are as ragged as those of twelve
    sizes = VIT_B16 | {"layers": 2, "text_layers": 2}
    folder = make_clip_folder(tmp_path_factory.mktemp("clip"), **sizes)
    # cosines of a random encoder lie around 0.1: a part of each photo is free
    return load(
        str(folder), method="maskclip", background_rule=True, background_threshold=0.1, short_side=224
    )


@pytest.fixture(scope="module")
def paths(real_data: Path) -> list[Path]:
    found = sorted((real_data / "coco_mini" / "train2017").glob("*.jpg"))[:PHOTOS]
    if len(found) < PHOTOS:
        pytest.skip("no real photos beside the checkout")
    return found


@pytest.fixture(scope="module")
def encoded(model: Model, paths: list[Path]) -> list[Any]:
    """Once for all: the encoder is what costs time here."""
    return [model.encode_image(path) for path in paths]


@pytest.fixture(scope="module")
def answers(model: Model, encoded: list[Any]) -> list[Annotated]:
    labels = model.encode_labels(LABELS)
    found = []
    for i, image in enumerate(encoded):
        masks = model.segment(image, labels)
        assert masks.names == NAMES
        height, width = masks.labels.shape
        if i == 0:
            nothing = torch.zeros_like(masks.labels)
            masks = Segmentation(labels=nothing, names=NAMES, scores=masks.scores)
        found.append(Annotated(file_name=f"a b, {i}.jpg", size=(height, width), segmentation=masks))
    return found


def truth(one: Annotated) -> np.ndarray:
    assert one.segmentation is not None
    return one.segmentation.labels.numpy()


def test_the_masks_have_what_readers_stumble_over(answers: list[Annotated]) -> None:
    from scipy import ndimage

    parts = holes = 0
    for one in answers[1:]:
        for label in range(1, len(NAMES)):
            mask = truth(one) == label
            parts += ndimage.label(mask, np.ones((3, 3)))[1]
            holes += ndimage.label(~mask)[1] - 1
    assert parts > 10 * PHOTOS
    assert holes > PHOTOS


def test_supervision(answers: list[Annotated]) -> None:
    pytest.importorskip("supervision", reason="the export extra is not installed")
    for one in answers:
        assert one.segmentation is not None
        found = one.segmentation.to_detections()
        rebuilt = np.zeros(one.size, dtype=np.int64)
        for mask, label, name, box in zip(
            found.mask if len(found) else [],
            found.class_id,
            found.data.get("class_name", []),
            found.xyxy,
            strict=True,
        ):
            assert not rebuilt[mask].any()
            assert name == NAMES[label]
            rows, cols = mask.nonzero()
            assert box.tolist() == [cols.min(), rows.min(), cols.max() + 1, rows.max() + 1]
            rebuilt[mask] = label
        np.testing.assert_array_equal(rebuilt, truth(one))


# pycocotools 2.0.11 calls numpy 2 the old way
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("form", ["rle", "polygons"])
def test_pycocotools(answers: list[Annotated], form: Any, tmp_path: Path) -> None:
    coco = pytest.importorskip("pycocotools.coco", reason="the export extra is not installed")
    write_coco(tmp_path / "a.json", answers, form=form)
    data = coco.COCO(str(tmp_path / "a.json"))
    assert [one["file_name"] for one in data.dataset["images"]] == [one.file_name for one in answers]
    names = {number: one["name"] for number, one in data.cats.items()}
    for image, one in zip(data.dataset["images"], answers, strict=True):
        rebuilt, areas = np.zeros(one.size, dtype=np.int64), Counter[str]()
        for row in data.imgToAnns[image["id"]]:
            mask = data.annToMask(row).astype(bool)
            rebuilt[mask] = NAMES.index(names[row["category_id"]])
            areas[names[row["category_id"]]] += int(mask.sum())
            assert form == "polygons" or mask.sum() == row["area"]
        if form == "rle":
            np.testing.assert_array_equal(rebuilt, truth(one))
        assert_areas(areas, one)


def assert_areas(areas: Counter[str], one: Annotated) -> None:
    for label, name in enumerate(NAMES[1:], start=1):
        pixels = int((truth(one) == label).sum())
        assert abs(areas[name] - pixels) <= POLYGON_TOLERANCE * pixels, (one.file_name, name)


def test_cvat_sdk(
    answers: list[Annotated],
    encoded: list[Any],
    model: Model,
    paths: list[Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("cvat_sdk", reason="the cvat extra is not installed")
    from cvat_sdk.masks import decode_mask

    from tagalign.integrations.cvat import function

    asked = asked_labels(LABELS)
    opened = ToolModel(model=model, asked=asked, labels=model.encode_labels(asked.labels))
    again = iter(encoded[1:])
    monkeypatch.setattr(function, "open_tool_model", lambda *given, **options: opened)
    monkeypatch.setattr(model, "encode_image", lambda photo: next(again))
    made = function.CvatFunction(labels="|".join(LABELS))
    context = SimpleNamespace(frame_name="x", conf_threshold=None, conv_mask_to_poly=False)
    for one, path in zip(answers[1:], paths[1:], strict=True):
        height, width = one.size
        rebuilt = np.zeros(one.size, dtype=np.int64)
        with Image.open(path) as photo:
            for shape in made.detect(context, photo):
                mask = decode_mask(shape.points, image_width=width, image_height=height)
                assert not rebuilt[mask].any()
                rebuilt[mask] = NAMES.index(made.spec.labels[shape.label_id].name)
        np.testing.assert_array_equal(rebuilt, truth(one))


@pytest.mark.filterwarnings("ignore")  # of Datumaro's own imports
@pytest.mark.parametrize("form", ["masks", "polygons"])
def test_datumaro_reads_cvats_file(
    answers: list[Annotated], paths: list[Path], form: Any, tmp_path: Path
) -> None:
    datumaro = pytest.importorskip("datumaro", reason="it brings half a gigabyte, and is installed by hand")
    (tmp_path / "images").mkdir()
    for one, path in zip(answers, paths, strict=True):
        (tmp_path / "images" / one.file_name).write_bytes(path.read_bytes())
    write_cvat(tmp_path / "annotations.xml", answers, NAMES, form=form)
    read = datumaro.Dataset.import_from(str(tmp_path), "cvat")
    names = [label.name for label in read.categories()[datumaro.AnnotationType.label]]
    assert tuple(names) == NAMES[1:]
    by_name = {Path(one.file_name).stem: one for one in answers}
    assert len(read) == len(answers)
    for item in read:
        one = by_name[item.id]
        rebuilt, areas = np.zeros(one.size, dtype=np.int64), Counter[str]()
        for found in item.annotations:
            areas[names[found.label]] += found.get_area()
            if form == "masks":
                rebuilt[np.asarray(found.image, dtype=bool)] = found.label + 1
        if form == "masks":
            np.testing.assert_array_equal(rebuilt, truth(one))
        assert_areas(areas, one)


def test_fiftyone(answers: list[Annotated]) -> None:
    fo = pytest.importorskip("fiftyone", reason="the fiftyone extra is not installed")
    from tagalign.export.fiftyone import to_detections, to_segmentation

    for one in answers:
        assert one.segmentation is not None
        height, width = one.size
        # through what its database holds, and back
        masks = fo.Segmentation.from_dict(to_segmentation(one.segmentation).to_dict())
        np.testing.assert_array_equal(masks.mask, truth(one))
        rebuilt = np.zeros(one.size, dtype=np.int64)
        for found in fo.Detections.from_dict(to_detections(one.segmentation).to_dict()).detections:
            x, y, w, h = (np.array(found.bounding_box) * [width, height, width, height]).round().astype(int)
            assert found.mask.shape == (h, w)
            rebuilt[y : y + h, x : x + w][found.mask] = NAMES.index(found.label)
        np.testing.assert_array_equal(rebuilt, truth(one))
