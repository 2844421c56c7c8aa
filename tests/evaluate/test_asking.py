"""What all askers share: images go to the method, rows are those of single images, settings name benchmark and method."""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import torch
from PIL import Image

from tagalign.evaluate.asking import AsksLabels, describe_labels
from tagalign.labels import Label, LabelSet
from tagalign.types import EncodedLabels

LABELS = LabelSet(
    name="two", labels=(Label(name="dog", aliases=("puppy",)), Label(name="cat")), background=("sky",),
    templates=("a photo of {}",), version=3,
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class AskWidth(AsksLabels):
    method: Any
    data: Any
    labels: Any
    kind: str = "width"

    def row(self, encoded, image, truth):
        return {"found": encoded, "width": image.width, "true": truth}


class Method:
    def __init__(self):
        self.asked = 0

    def encode_images(self, images):
        return [image.width * 10 for image in images]

    def encode_labels(self, labels):
        self.asked += 1
        empty = torch.zeros(0, 4)
        return EncodedLabels(
            method="mine", label_set=labels, embeds=empty, owners=empty[:, 0].long(), background=empty
        )

    def describe(self):
        return {"method": "mine"}


ASKER_DATA = SimpleNamespace(name="photos", split="val")


def test_rows_are_those_of_single_images():
    asker = AskWidth(Method(), ASKER_DATA, LABELS)
    images = [Image.new("RGB", (3, 1)), Image.new("RGB", (5, 1))]
    assert asker.rows(asker.encode(images), images, ["a", "b"]) == [
        {"found": 30, "width": 3, "true": "a"},
        {"found": 50, "width": 5, "true": "b"},
    ]


def test_labels_are_encoded_once():
    asker = AskWidth(Method(), ASKER_DATA, LABELS)
    assert asker.encoded is asker.encoded
    assert asker.encoded.label_set is LABELS
    assert asker.method.asked == 1


def test_settings_name_all_that_was_asked():
    assert AskWidth(Method(), ASKER_DATA, LABELS).settings() == {
        "kind": "width", "benchmark": "photos", "split": "val", "model": {"method": "mine"},
        "labels": {
            "name": "two", "version": 3, "names": ["dog", "cat"], "aliases": [["puppy"], []], "background": ["sky"],
            "templates": ["a photo of {}"],
        },
    }  # fmt: skip


def test_every_word_makes_another_evaluation():
    first = describe_labels(LABELS)
    for name in ("name", "version", "background", "templates"):
        other = LabelSet(**{**{f: getattr(LABELS, f) for f in ("name", "labels", "background", "templates", "version")},
                            name: {"name": "x", "version": 4, "background": (), "templates": ("{}",)}[name]})  # fmt: skip
        assert describe_labels(other) != first
