"""RefCOCO, RefCOCO+ and RefCOCOg: phrases for annotated objects of COCO's 2014 training pictures."""

from typing import Any

from tagalign.data.rehearsal.request import CopyRequest, WatchCount
from tagalign.data.rehearsal.scenes import DrawnScene
from tagalign.data.rehearsal.writers.coco import (
    SIZE,
    annotation_entries,
    categories,
    image_entry,
    picture_name,
    picture_number,
)
from tagalign.data.rehearsal.writers.files import save_json, save_picture
from tagalign.tags.label_sets import load_label_set

OBJECTS = 3
IMAGES = "train2014"
FOLDERS = {
    "refcoco": ("refcoco", "unc"), "refcoco+": ("refcoco+", "unc"), "refcocog": ("refcocog", "umd"),
    "refcocog-google": ("refcocog", "google"),
}  # fmt: skip
SIDES = ("left", "right", "front", "small", "big", "other")


def write_references(request: CopyRequest, watch: WatchCount) -> None:
    """``instances.json`` and ``refs(BY).json``; every picture has its share of the phrases."""
    folder, by = FOLDERS[request.benchmark.name]
    names = load_label_set("coco-object").names
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    references: list[dict[str, Any]] = []
    for i in watch(range(request.images), request.images):
        scene = request.scene(i, SIZE, 80, OBJECTS)
        save_picture(scene.picture(), request.folder / IMAGES / picture_name(IMAGES, i))
        images.append(image_entry(IMAGES, i, scene))
        first = len(annotations) + 1
        rows = [row | {"segmentation": [shape.flat], "iscrowd": 0} for row, shape in
                zip(annotation_entries(scene, i, first), scene.shapes, strict=True)]  # fmt: skip
        annotations += rows
        references += _references(scene, i, first, request, names, len(references))
    base = request.folder / folder
    content = {"images": images, "annotations": annotations, "categories": categories()}
    save_json(content, base / "instances.json")
    save_json(references, base / f"refs({by}).json")


def _references(
    scene: DrawnScene, index: int, first: int, request: CopyRequest, names: tuple[str, ...], count: int
) -> list[dict[str, Any]]:
    phrases: list[list[dict[str, str]]] = [[] for _ in scene.shapes]
    for number in range(request.share(index)):
        place = number % len(scene.shapes)
        phrases[place].append({"sent": f"{SIDES[number % len(SIDES)]} {names[scene.shapes[place].label]}"})
    return [
        {
            "ref_id": count + place,
            "ann_id": first + place,
            "image_id": picture_number(index),
            "split": request.split,
            "sentences": sentences,
        }
        for place, sentences in enumerate(phrases)
        if sentences
    ]
