"""A task is annotated by CVAT's own driver: it loads the module, matches labels, checks answers and uploads them.

The server is the only stand-in: it hands out photos, and keeps what is sent.
"""

import inspect
import logging
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tagalign.errors import InputError
from tagalign.tasks.model import Model
from tagalign.testing.stub_method import BAD_SIDE, StubMethod

pytest.importorskip("cvat_sdk", reason="the cvat extra is not installed")
from cvat_sdk import auto_annotation as cvataa
from cvat_sdk import models
from cvat_sdk.auto_annotation import driver
from cvat_sdk.masks import decode_mask

import tagalign.integrations.tool_model
from tagalign.integrations import cvat


@pytest.fixture(autouse=True)
def stub(monkeypatch: pytest.MonkeyPatch) -> None:
    """The left half of a photo is the first label, the right half the last."""
    monkeypatch.setattr(
        tagalign.integrations.tool_model, "load", lambda *given, **options: Model(StubMethod(), name="stub")
    )


class Server:
    """A task with photos and labels, and the annotations that came."""

    def __init__(self, labels: dict[str, str], photos: list[Image.Image]) -> None:
        self.logger = logging.getLogger("cvat")
        self.tasks = SimpleNamespace(api=self)
        self.sent: Any = None
        self.labels = [
            models.Label(id=100 + i, name=name, type=kind, attributes=[], sublabels=[])
            for i, (name, kind) in enumerate(labels.items())
        ]
        self.samples = [
            SimpleNamespace(
                frame_name=f"{i}.jpg", frame_index=10 + i, media=SimpleNamespace(load_image=lambda p=photo: p)
            )
            for i, photo in enumerate(photos)
        ]

    def partial_update_annotations(
        self, action: str, task: int, *, patched_labeled_data_request: Any
    ) -> None:
        self.sent = patched_labeled_data_request

    def annotate(self, monkeypatch: pytest.MonkeyPatch, function: Any, **how: Any) -> Any:
        monkeypatch.setattr(driver, "TaskDataset", lambda *given, **options: self)
        cvataa.annotate_task(self, 7, function, **how)  # type: ignore[arg-type]
        return self.sent


PHOTO = Image.new("RGB", (20, 10), "red")


def make(**given: Any) -> Any:
    return cvat.create(model="tiny", method="maskclip", **given)


def test_masks_arrive_under_the_labels_of_the_task(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server({"Katze": "mask", "Hund": "mask"}, [PHOTO, PHOTO])
    sent = server.annotate(
        monkeypatch, make(labels="dog: Hund | cat", task_labels="Katze,Hund", names="cat=Katze")
    )
    assert [(one.frame, one.label_id, one.type.value) for one in sent.shapes] == [
        (10, 101, "mask"), (10, 100, "mask"), (11, 101, "mask"), (11, 100, "mask")
    ]  # fmt: skip
    left = decode_mask(sent.shapes[0].points, image_width=20, image_height=10)
    np.testing.assert_array_equal(left, np.tile(np.arange(20) < 10, (10, 1)))
    assert {one.source for one in sent.shapes} == {"auto"}


@pytest.mark.parametrize(
    ("shapes", "kind"), [("rectangles", "rectangle"), ("polygons", "polygon"), ("masks", "mask")]
)
def test_labels_of_one_type_take_their_shapes(
    shapes: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = Server({"dog": kind, "cat": kind}, [PHOTO]).annotate(
        monkeypatch, make(labels="dog,cat", shapes=shapes)
    )
    assert [one.type.value for one in sent.shapes] == [kind, kind]


def test_masks_become_polygons_where_cvat_asks_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server({"dog": "polygon", "cat": "polygon"}, [PHOTO])
    sent = server.annotate(monkeypatch, make(labels="dog,cat"), conv_mask_to_poly=True)
    assert [one.type.value for one in sent.shapes] == ["polygon", "polygon"]


def test_tags_and_masks_together(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server({"dog": "any", "cat": "any"}, [PHOTO])
    sent = server.annotate(monkeypatch, make(labels="dog,cat", shapes="tags,masks"), conf_threshold=0.0)
    assert [tag.label_id for tag in sent.tags] == [100, 101]
    assert len(sent.shapes) == 2


def test_the_threshold_of_the_job_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    function = make(labels="dog,cat", shapes="tags,masks")
    server = Server({"dog": "any", "cat": "any"}, [PHOTO])
    tagging = function.opened.tagging(function.opened.model.encode_image(PHOTO))
    sent = server.annotate(monkeypatch, function, conf_threshold=max(tagging.scores))
    assert len(sent.tags) == 1
    assert all(shape.score >= max(tagging.scores) for shape in sent.shapes)


def test_a_label_that_the_task_lacks_is_cvats_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(cvataa.BadFunctionError, match="'cat' is not in dataset"):
        Server({"dog": "mask"}, [PHOTO]).annotate(monkeypatch, make(labels="dog,cat"))


def test_a_label_of_another_type_is_cvats_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(cvataa.BadFunctionError, match="type 'mask'"):
        Server({"dog": "rectangle"}, [PHOTO]).annotate(monkeypatch, make(labels="dog"))


def test_one_damaged_photo_does_not_cost_the_others(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    photos = [PHOTO, Image.new("RGB", (BAD_SIDE, BAD_SIDE)), PHOTO]
    sent = Server({"dog": "mask", "cat": "mask"}, photos).annotate(monkeypatch, make(labels="dog,cat"))
    assert [one.frame for one in sent.shapes] == [10, 10, 12, 12]
    assert "1.jpg: no annotations" in caplog.text


def test_a_photo_that_lies_on_its_side_is_turned(monkeypatch: pytest.MonkeyPatch) -> None:
    lying = PHOTO.copy()
    lying.getexif()[274] = 6
    sent = Server({"dog": "mask", "cat": "mask"}, [lying]).annotate(monkeypatch, make(labels="dog,cat"))
    mask = decode_mask(sent.shapes[0].points, image_width=10, image_height=20)
    np.testing.assert_array_equal(mask, np.tile(np.arange(10) < 5, (20, 1)))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"labels": ""}, "give labels"),
        ({"labels": "dog", "shapes": "cuboids"}, "shapes: expected tags, rectangles, polygons, masks"),
        ({"labels": "dog", "shapes": " , "}, "shapes: expected"),
        ({"labels": "dog", "min_area": -1}, "min_area"),
        ({"labels": "dog", "names": "dog"}, "LABEL=NAME"),
        ({"labels": "dog", "task_labels": "nowhere.json"}, r"nowhere\.json"),
        ({"labels": "background"}, "no annotation"),
    ],
)
def test_wrong_values_are_refused_in_one_line(given: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said) as found:
        make(**given)
    assert "\n" not in str(found.value)


def test_the_parameters_are_of_types_that_the_command_line_has() -> None:
    kinds = {str(one.annotation) for one in inspect.signature(cvat.create).parameters.values()}
    assert kinds <= {"<class 'str'>", "<class 'int'>", "<class 'float'>", "<class 'bool'>", "bool | None"}
