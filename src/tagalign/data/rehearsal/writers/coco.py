"""COCO's pictures with instance annotations, or with stuff-thing maps."""

from pathlib import Path
from typing import Any

from tagalign.data.rehearsal.request import CopyRequest, WatchCount
from tagalign.data.rehearsal.scenes import DrawnScene
from tagalign.data.rehearsal.writers.files import save_json, save_lines, save_picture
from tagalign.labels import IGNORE
from tagalign.tags.label_sets import benchmark_content

SIZE = (480, 640)
SHAPES = 7  # 36,781 annotations on the 5,000 pictures of val2017
CROWD_EVERY = 80  # annotations; a share of 1.2 %, as in val2017
UNANNOTATED = {"val2017": 48, "train2017": 1021, "val2014": 367, "train2014": 702}
"""Pictures of a split that have no annotation; tagging leaves them out."""

NUMBER_STEP = 116  # between the numbers of two pictures: 5,000 of them end near 580,000, as COCO's do


def picture_name(split: str, index: int) -> str:
    """File name of a picture; the files of 2014 and 2015 carry their split."""
    number = f"{139 + NUMBER_STEP * index:012d}.jpg"
    return f"COCO_{split}_{number}" if split.endswith(("2014", "2015")) else number


def picture_number(index: int) -> int:
    """Id of a picture in annotation files."""
    return 139 + NUMBER_STEP * index


def image_entry(split: str, index: int, scene: DrawnScene) -> dict[str, Any]:
    """The entry of a picture in annotation files."""
    return {
        "id": picture_number(index),
        "file_name": picture_name(split, index),
        "height": scene.size[0],
        "width": scene.size[1],
        "license": 1,
    }


def annotation_entries(scene: DrawnScene, index: int, first: int) -> list[dict[str, Any]]:
    """Annotations of a picture, numbered from ``first``: polygons, now and then a crowd as run lengths."""
    official = [row["official_id"] for row in benchmark_content("coco-object")["labels"]]
    rows = []
    for number, shape in enumerate(scene.shapes, start=first):
        crowd = number % CROWD_EVERY == 0
        rows.append(
            {
                "id": number,
                "image_id": picture_number(index),
                "category_id": official[shape.label],
                "segmentation": _runs(scene) if crowd else [shape.flat],
                "area": shape.area,
                "bbox": list(shape.box),
                "iscrowd": int(crowd),
            }
        )
    return rows


def _runs(scene: DrawnScene) -> dict[str, Any]:
    """A crowd: the leftmost columns, in COCO's uncompressed run lengths (down the columns, first run empty)."""
    height, width = scene.size
    covered = height * (width // 10)
    return {"size": [height, width], "counts": [0, covered, height * width - covered]}


def categories() -> list[dict[str, Any]]:
    """COCO's 80 categories with their official ids."""
    rows = benchmark_content("coco-object")["labels"]
    return [{"id": row["official_id"], "name": row["name"], "supercategory": row["category"]} for row in rows]


def write_instances(request: CopyRequest, watch: WatchCount) -> None:
    """Pictures and ``annotations/instances_SPLIT.json``; a tagging split gets its unannotated pictures beside."""
    extra = 0
    if request.benchmark.kind == "tagging":
        extra = round(UNANNOTATED[request.split] * request.images / request.official_images)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    total = request.images + extra
    for i in watch(range(total), total):
        scene = request.scene(i, SIZE, 80, SHAPES if i < request.images else 0)
        save_picture(scene.picture(), request.folder / request.split / picture_name(request.split, i))
        images.append(image_entry(request.split, i, scene))
        annotations += annotation_entries(scene, i, len(annotations) + 1)
    content = {"images": images, "annotations": annotations, "categories": categories()}
    save_json(content, request.folder / f"annotations/instances_{request.split}.json")


def write_stuff_maps(request: CopyRequest, watch: WatchCount) -> None:
    """Pictures and the released maps: official id minus one, 255 unlabelled."""
    stored = [row["official_id"] - 1 for row in benchmark_content("coco-stuff")["labels"]]
    for i in watch(range(request.images), request.images):
        scene = request.scene(i, SIZE, len(stored), SHAPES)
        stem = Path(picture_name(request.split, i)).stem
        save_picture(scene.picture(), request.folder / f"images/{request.split}/{stem}.jpg")
        save_picture(scene.ids(stored, IGNORE), request.folder / f"annotations/{request.split}/{stem}.png")


def write_stuff_27(request: CopyRequest, watch: WatchCount) -> None:
    """The maps, and the list of the pictures that this protocol takes."""
    write_stuff_maps(request, watch)
    names = (Path(picture_name(request.split, i)).stem for i in range(request.images))
    save_lines(names, request.folder / f"curated/{request.split}/Coco164kFull_Stuff_Coarse.txt")
