"""Captions: Karpathy's JSON of COCO and Flickr30k, COCO's own caption files, NoCaps."""

from typing import Any

from tagalign.data.rehearsal.request import CopyRequest, WatchCount
from tagalign.data.rehearsal.scenes import DrawnScene
from tagalign.data.rehearsal.writers.coco import SIZE, image_entry, picture_name, picture_number
from tagalign.data.rehearsal.writers.files import save_json, save_picture
from tagalign.tags.label_sets import load_label_set

SHAPES = 3
FLICKR_SIZE, NOCAPS_SIZE = (375, 500), (768, 1024)
FORMS = (
    "There is a {} next to a {}.", "A {} beside a {} on a plain ground.", "a picture of a {} and a {}",
    "A {} with a {} behind it.", "One {}, one {}, nothing else.", "Some {} can be seen near a {}.",
    "A photo that shows a {} and a {}.", "the {} lies over the {}", "A {} in front of a {}.", "Two things: a {}, a {}.",
)  # fmt: skip
PER_IMAGE, NOCAPS_PER_IMAGE = 5, 10
DOMAINS = ("in-domain", "near-domain", "near-domain", "out-domain")


def sentences_about(scene: DrawnScene, count: int) -> list[str]:
    """Sentences that name two things of a scene."""
    names = load_label_set("coco-object").names
    shown = [names[shape.label] for shape in scene.shapes]
    return [
        FORMS[i % len(FORMS)].format(shown[i % len(shown)], shown[(i + 1) % len(shown)]) for i in range(count)
    ]


def write_karpathy(request: CopyRequest, watch: WatchCount) -> None:
    """``dataset_coco.json`` or ``dataset_flickr30k.json``, and its pictures."""
    flickr = request.benchmark.layout == "flickr30k"
    folder = "train2014" if request.split == "train" else "val2014"
    rows: list[dict[str, Any]] = []
    for i in watch(range(request.images), request.images):
        scene = request.scene(i, FLICKR_SIZE if flickr else SIZE, 80, SHAPES)
        place = "flickr30k-images" if flickr else folder
        name = f"{1_007_129_816 + 7 * i}.jpg" if flickr else picture_name(folder, i)
        save_picture(scene.picture(), request.folder / place / name)
        sentences = [{"raw": text} for text in sentences_about(scene, PER_IMAGE)]
        row: dict[str, Any] = {"filename": name, "split": request.split, "sentences": sentences}
        rows.append(row if flickr else row | {"filepath": folder})
    file = "dataset_flickr30k.json" if flickr else "dataset_coco.json"
    save_json({"images": rows, "dataset": "flickr30k" if flickr else "coco"}, request.folder / file)


def write_coco_captions(request: CopyRequest, watch: WatchCount) -> None:
    """``annotations/captions_SPLIT.json`` and its pictures."""
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for i in watch(range(request.images), request.images):
        scene = request.scene(i, SIZE, 80, SHAPES)
        save_picture(scene.picture(), request.folder / request.split / picture_name(request.split, i))
        images.append(image_entry(request.split, i, scene))
        for text in sentences_about(scene, PER_IMAGE):
            annotations.append({"id": len(annotations) + 1, "image_id": picture_number(i), "caption": text})
    content = {"images": images, "annotations": annotations}
    save_json(content, request.folder / f"annotations/captions_{request.split}.json")


def write_nocaps(request: CopyRequest, watch: WatchCount) -> None:
    """``nocaps_val_4500_captions.json``: ten captions a picture, three domains."""
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for i in watch(range(request.images), request.images):
        scene = request.scene(i, NOCAPS_SIZE, 80, SHAPES)
        name = f"{i * 2_654_435_761 % 2**64:016x}.jpg"
        save_picture(scene.picture(), request.folder / "val" / name)
        height, width = scene.size
        images.append(
            {
                "id": i,
                "file_name": name,
                "height": height,
                "width": width,
                "domain": DOMAINS[i % len(DOMAINS)],
            }
        )
        for text in sentences_about(scene, NOCAPS_PER_IMAGE):
            annotations.append({"id": len(annotations), "image_id": i, "caption": text})
    content = {"images": images, "annotations": annotations}
    save_json(content, request.folder / "nocaps_val_4500_captions.json")
