"""Photos, labels and thresholds that no tool should send: CVAT's function and FiftyOne's model answer or say why not."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

import tagalign.integrations.tool_model
from tagalign.errors import ImageError, InputError, MissingExtraError
from tagalign.integrations.fiftyone.model import FiftyOneAnswers, FiftyOneSettings, photo_of
from tagalign.integrations.label_names import asked_labels
from tagalign.tasks.model import Model
from tagalign.testing.stub_method import StubMethod

MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBa", "CMYK", "YCbCr", "LAB", "HSV", "I", "F", "I;16")
SIZES = ((1, 1), (1, 70), (9, 7))
FORMS = "tags,rectangles,polygons,masks"
SHOWN = 200
"""Letters of a line about a value: a value may be as long as a file."""


@pytest.fixture(autouse=True)
def stub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        tagalign.integrations.tool_model, "load", lambda *given, **options: Model(StubMethod(), name="stub")
    )


def cvat_function(**given: Any) -> Any:
    pytest.importorskip("cvat_sdk", reason="the cvat extra is not installed")
    from tagalign.integrations import cvat

    return cvat.create(**({"labels": "dog | cat", "model": "tiny", "shapes": FORMS} | given))


def frame(threshold: float | None = None) -> Any:
    return SimpleNamespace(frame_name="a.jpg", conf_threshold=threshold, conv_mask_to_poly=False)


@pytest.mark.parametrize("mode", MODES)
def test_photos_of_every_kind_and_of_one_pixel(mode: str) -> None:
    function = cvat_function()
    for size in SIZES:
        photo = Image.new(mode, size)
        assert (photo_of(photo).mode, photo_of(photo).size) == ("RGB", size)
        found = function.detect(frame(), photo)
        masks = [one["points"] for one in found if str(one.get("type")) == "mask"]
        assert masks, "the stub splits every photo into its labels"
        assert sum(sum(points[1:-4:2]) for points in masks) == size[0] * size[1], "each pixel has one label"


@pytest.mark.parametrize(
    "pixels",
    [np.zeros((0, 5, 3), np.uint8), np.zeros((5, 5, 2), np.uint8), np.zeros((5, 5), np.uint16), None, b"x", [[1]]],
)  # fmt: skip
def test_arrays_that_are_no_photo(pixels: Any) -> None:
    with pytest.raises(InputError, match="expected a photo"):
        photo_of(pixels)


def test_a_picture_of_a_kind_that_cannot_be_changed_is_refused() -> None:
    with pytest.raises(ImageError, match="La to L not supported"):
        photo_of(Image.new("La", (2, 2)))
    assert cvat_function().detect(frame(), Image.new("La", (2, 2))) == []


def test_a_threshold_that_is_no_number_is_refused() -> None:
    with pytest.raises(InputError, match="conf_threshold: expected a number"):
        cvat_function().detect(frame(float("nan")), Image.new("RGB", (2, 2)))
    assert cvat_function().detect(frame(float("inf")), Image.new("RGB", (2, 2))) == []
    model = FiftyOneAnswers(
        FiftyOneSettings(labels="dog | cat", model="tiny", confidence_thresh=float("nan"))
    )
    with pytest.raises(InputError, match="confidence_thresh: expected a number"):
        model.predict(Image.new("RGB", (2, 2)))


@pytest.mark.parametrize(
    "given",
    [
        {"labels": "a" * 10_000},
        {"labels": ""},
        {"labels": "background"},
        {"labels": "dog | dog"},
        {"labels": "\ud800"},
        {"task_labels": "nothing.json"},
        {"names": "dog"},
        {"names": "x=y"},
        {"shapes": "stars"},
        {"min_area": -1},
    ],
)
def test_specs_that_cannot_be_used_are_one_line(given: dict[str, Any]) -> None:
    with pytest.raises(InputError) as told:
        cvat_function(**given)
    assert "\n" not in str(told.value)
    assert len(str(told.value)) < SHOWN


@pytest.mark.parametrize("value", [None, [], [5], [None], ["dog", None], object()])
def test_fields_without_labels(value: Any) -> None:
    model = FiftyOneAnswers(FiftyOneSettings(model="tiny"))
    model.needs_fields = {"labels": "f"}
    with pytest.raises(
        (InputError, MissingExtraError), match=r"field 'f' of a sample holds no label|fiftyone"
    ):
        model.predict(Image.new("RGB", (2, 2)), {"f": value})
    assert asked_labels(["写真"]).names == ("写真",)
