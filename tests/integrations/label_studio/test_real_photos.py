"""Twenty real photos and a CLIP of full width: what Label Studio reads is what the model said, pixel for pixel."""

import json
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

pytest.importorskip("fastapi", reason="the serve extra is not installed")
from fastapi.testclient import TestClient

import tagalign
from tagalign.apps.server.app import create_app
from tagalign.apps.server.label_studio.routes import LabelStudioSettings
from tagalign.apps.server.limits import Limits
from tagalign.tasks.regions.options import MIN_AREA
from tagalign.testing.clip_folder import VIT_B16, make_clip_folder

from .reading import box_of, pixels_of

pytestmark = [pytest.mark.slow, pytest.mark.real]

COUNT = 20
LABELS = 6
TAGS = ("Choices", "BrushLabels", "PolygonLabels", "RectangleLabels")


def config(names: list[str]) -> str:
    def control(tag: str) -> str:
        one = "Choice" if tag == "Choices" else "Label"
        labels = "".join(f'<{one} value="{name}"/>' for name in names)
        return f'<{tag} name="{tag}" toName="image" choice="multiple">{labels}</{tag}>'

    return f'<View><Image name="image" value="$image"/>{"".join(map(control, TAGS))}</View>'


def test_labels_areas_boxes_and_pixels_are_equal(real_data, tmp_path_factory) -> None:
    # as wide as the published one and with its patches; what its layers answer has to arrive, whatever it is
    sizes = VIT_B16 | {"layers": 2, "text_layers": 2}
    folder = make_clip_folder(tmp_path_factory.mktemp("vit_b16"), **sizes)
    model = tagalign.load(str(folder), method="clip", short_side=224)
    photos = sorted((real_data / "coco_mini/train2017").glob("*.jpg"))[:COUNT]
    truth = json.loads((real_data / "coco_mini/annotations/instances_train2017.json").read_text())
    names = [one["name"] for one in truth["categories"][:LABELS]]
    tasks = [{"id": i, "data": {"image": f"/data/local-files/?d={p.name}"}} for i, p in enumerate(photos)]
    settings = LabelStudioSettings(folders=(real_data / "coco_mini/train2017",))
    app = create_app(model, limits=Limits(timeout_s=600.0), label_studio=settings)
    with TestClient(app) as client:
        answer = client.post("/label-studio/predict", json={"tasks": tasks, "label_config": config(names)})
    assert answer.status_code == 200, answer.text
    found = answer.json()["results"]
    interface = pytest.importorskip(
        "label_studio_sdk.label_interface", reason="label-studio-sdk is not installed"
    )
    theirs = interface.LabelInterface(config(names))
    assert len(found) == COUNT
    for path, prediction in zip(photos, found, strict=True):
        assert theirs.validate_prediction(prediction, return_errors=True) == []
        with Image.open(path) as photo:
            encoded = model.encode_image(photo)
            said = model.segment(encoded, names, photo=photo).labels.numpy()
        results = {tag: [one for one in prediction["result"] if one["from_name"] == tag] for tag in TAGS}
        assert results["Choices"][0]["value"]["choices"] == list(model.tag(encoded, names).tags)
        _same_pixels(results["BrushLabels"], said, names)
        parts = [part for number, name in enumerate(names) for part in _parts(said == number, name)]
        _same_boxes(results["RectangleLabels"], parts)
        _same_areas(results["PolygonLabels"], parts)


def _same_pixels(results: list[dict[str, Any]], said: np.ndarray, names: list[str]) -> None:
    assert [one["value"]["brushlabels"][0] for one in results] == [names[i] for i in np.unique(said)]
    for one in results:
        number = names.index(one["value"]["brushlabels"][0])
        np.testing.assert_array_equal(pixels_of(one), said == number)


def _parts(mask: np.ndarray, name: str) -> list[tuple[str, tuple[int, int, int, int], np.ndarray]]:
    """Connected parts from the top, with their boxes."""
    numbers, _ = ndimage.label(mask, structure=np.ones((3, 3)))
    found = []
    for number, (rows, cols) in enumerate(ndimage.find_objects(numbers), start=1):
        part = numbers == number
        if part.sum() >= MIN_AREA:
            found.append((name, (cols.start, rows.start, cols.stop, rows.stop), part))
    return found


def _same_boxes(results: list[dict[str, Any]], parts: list[Any]) -> None:
    assert [(one["value"]["rectanglelabels"][0], box_of(one)) for one in results] == [
        part[:2] for part in parts
    ]


def _same_areas(results: list[dict[str, Any]], parts: list[Any]) -> None:
    """Corners are dropped while the area stays within half a per cent."""
    assert [one["value"]["polygonlabels"][0] for one in results] == [name for name, _, _ in parts]
    for one, (_, _, part) in zip(results, parts, strict=True):
        points = np.array(one["value"]["points"]) * [
            one["original_width"] / 100,
            one["original_height"] / 100,
        ]
        x, y = points.T
        area = abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2
        assert area == pytest.approx(part.sum(), rel=0.005 + 1e-6)
