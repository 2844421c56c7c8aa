"""Small whole files of every annotation format, and damage from a seed: bytes, values, keys, encodings, places."""

import base64
import copy
import io
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

SQUARE = [10, 10, 30, 10, 30, 40, 10, 40]
ODD: tuple[Any, ...] = (
    None, True, -1, 10**30, 1e308, float("nan"), float("inf"), "", [], {}, [[]], [None], "x", "a" * 50_000, "\x00",
    "\ud800", "a\nb", "../../../etc/passwd", "C:\\Windows\\x.jpg", "\\\\server\\share\\a.jpg", "file:///etc/passwd",
    "http://[::1", "data:,", {"size": [60, 80], "counts": [10**30]}, {"counts": "~"}, [[1e400, 1, 2, 3, 4, 5]],
    [1] * 5000,
)  # fmt: skip
PIECES = (b"\x00", b"\xff\xfe", b"[", b"{", b'"', b"<", b"]", b"}", b",", b"\n", b"NaN", b"1e999", b"-", b"9" * 400,
          b"&x;", b"<![CDATA[", b"\t", b";", b"|", b": ", b"*a", b"[" * 20_000, b"<a>" * 5000,
          b"!!python/object:os.system ")  # fmt: skip


def coco(folder: Path) -> Path:
    images = [{"id": i, "file_name": f"{n}.jpg", "height": 60, "width": 80} for i, n in enumerate("ab")]
    rows = [
        {"image_id": 0, "category_id": 1, "segmentation": [SQUARE], "bbox": [1, 1, 5, 5], "iscrowd": 0},
        {"image_id": 1, "category_id": 2, "segmentation": {"size": [60, 80], "counts": [100, 50, 4650]}},
        {"image_id": 1, "category_id": 1, "bbox": [1.5, 2, 10, 20], "score": 0.5},
    ]
    names = [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]
    return _json(folder, {"images": images, "annotations": rows, "categories": names})


def studio(folder: Path) -> Path:
    values = [
        {"x": 1, "y": 2, "width": 30, "height": 20, "rotation": 10, "rectanglelabels": ["cat"]},
        {"points": [[1, 1], [50, 2], [30, 70]], "polygonlabels": ["dog"]},
        {"x": 30, "y": 30, "radiusX": 10, "radiusY": 5, "ellipselabels": ["dog"]},
        {"format": "rle", "rle": [0, 0, 75, 0, 231], "brushlabels": ["cat"]},
        {"choices": ["cat"]},
    ]
    rows = [
        {"id": str(i), "original_width": 80, "original_height": 60, "value": v} for i, v in enumerate(values)
    ]
    tasks = [
        {
            "id": 1,
            "data": {"image": "/data/upload/3/0a1b2c3d-a.jpg"},
            "annotations": [{"id": 3, "result": rows}],
        },
        {"id": 2, "data": {"image": "b.jpg"}, "predictions": [{"result": rows[:2]}]},
    ]
    return _json(folder, tasks)


def cvat(folder: Path) -> Path:
    shapes = (
        '<box label="cat" xtl="1" ytl="2" xbr="30" ybr="40" rotation="10"/><tag label="dog"/>'
        '<ellipse label="dog" cx="20" cy="20" rx="5" ry="7"/><polygon label="cat" points="1,1;50,2;30,40"/>'
        '<mask label="dog" rle="5, 10, 5" left="5" top="5" width="5" height="4"/>'
    )
    image = f'<image id="1" name="a.jpg" width="80" height="60">{shapes}</image>'
    path = folder / "a.xml"
    path.write_text(f"<annotations><meta/>{image}{image.replace('a.jpg', 'b.jpg')}</annotations>")
    return path


def yolo(folder: Path) -> Path:
    (folder / "labels").mkdir()
    (folder / "data.yaml").write_text("names:\n  0: cat\n  1: dog\n")
    (folder / "labels/a.txt").write_text("0 .1 .1 .5 .1 .3 .6\n1 .5 .5 .2 .3\n")
    (folder / "labels/b.txt").write_text("1 .5 .5 .2 .3 .9\n")
    return folder


def voc(folder: Path) -> Path:
    for name in ("Annotations", "SegmentationClass"):
        (folder / name).mkdir()
    box = "<bndbox><xmin>3</xmin><ymin>2</ymin><xmax>30</xmax><ymax>40</ymax></bndbox>"
    text = f"<annotation><filename>a.jpg</filename><object><name>cat</name>{box}</object></annotation>"
    (folder / "Annotations/a.xml").write_text(text)
    Image.new("P", (80, 60), 12).save(folder / "SegmentationClass/b.png")
    return folder


def table(folder: Path) -> Path:
    (folder / "a.csv").write_text('image,tag,score\na.jpg,cat,0.5\na.jpg,dog,\n"b.jpg","x, y",1\n')
    return folder / "a.csv"


def parquet(folder: Path) -> Path:
    pq.write_table(pa.table({"key": ["a.jpg", "b.jpg"], "tags": [["cat"], ["dog"]]}), folder / "a.parquet")
    return folder / "a.parquet"


def labelme(folder: Path) -> Path:
    inside = io.BytesIO()
    Image.new("1", (5, 4), 1).save(inside, "PNG")
    shapes = [
        {"label": "cat", "points": [[1, 1], [50, 2], [30, 40]], "shape_type": "polygon", "group_id": 1},
        {"label": "cat", "points": [[60, 1], [70, 2], [65, 40]], "shape_type": "polygon", "group_id": 1},
        {"label": "dog", "points": [[1, 2], [30, 40]], "shape_type": "rectangle", "difficult": True},
        {"label": "dog", "points": [[20, 20], [25, 20]], "shape_type": "circle", "score": 0.5},
        {"label": "dog", "points": [[5, 5], [15, 7], [14, 12], [4, 10]], "shape_type": "rotation"},
        {
            "label": "cat",
            "points": [[5, 6], [9, 9]],
            "shape_type": "mask",
            "mask": base64.b64encode(inside.getvalue()).decode(),
        },
    ]
    about = {"version": "5.5.0", "flags": {"cat": True, "dog": False}, "shapes": shapes, "imageData": None}
    for name in "ab":
        content = about | {"imagePath": f"{name}.jpg", "imageHeight": 60, "imageWidth": 80, "tags": ["dog"]}
        (folder / f"{name}.json").write_text(json.dumps(content))
    return folder


WRITERS = {"coco": coco, "label-studio": studio, "cvat": cvat, "labelme": labelme, "yolo": yolo, "voc": voc, "table": table,
           "parquet": parquet}  # fmt: skip


def _json(folder: Path, value: Any) -> Path:
    path = folder / "a.json"
    path.write_text(json.dumps(value))
    return path


# --- damage -----------------------------------------------------------------------------------------------------------


def damage(folder: Path, rng: random.Random) -> None:
    """Damage one file of a folder."""
    path = rng.choice(sorted(one for one in folder.rglob("*") if one.is_file()))
    data = path.read_bytes()
    if rng.random() < 0.1:
        data = data.decode("utf-8", "replace").encode(rng.choice(["utf-16", "utf-32", "utf-8-sig"]))
    elif path.suffix == ".json" and rng.random() < 0.7:
        data = damaged_json(data, rng)
    else:
        data = damaged_bytes(data, rng)
    path.write_bytes(data)


def damaged_json(data: bytes, rng: random.Random) -> bytes:
    """Other values where it is JSON still, else other bytes."""
    try:
        value = json.loads(data)
    except ValueError:
        return damaged_bytes(data, rng)
    for _ in range(rng.choice([1, 1, 3])):
        damage_value(value, rng)
    return json.dumps(value).encode()


def damage_value(value: Any, rng: random.Random) -> None:
    """Change, take away or repeat one value inside of a value."""
    places = list(_places(value))
    if not places:
        return
    holder, key = rng.choice(places)
    way = rng.randrange(4)
    if way == 0:
        del holder[key]
    elif way == 1 and isinstance(holder, list):
        holder.insert(key, copy.deepcopy(holder[key]))
    else:
        holder[key] = copy.deepcopy(rng.choice(ODD))


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    keys = (
        list(value)
        if isinstance(value, dict)
        else range(min(len(value), 20))
        if isinstance(value, list)
        else ()
    )
    for key in keys:
        yield value, key
        yield from _places(value[key])


def damaged_bytes(data: bytes, rng: random.Random) -> bytes:
    """Some bytes changed, cut off, taken out, repeated or put in."""
    found = bytearray(data)
    for _ in range(rng.choice([1, 1, 4])):
        place, other = sorted((rng.randrange(len(found) + 1), rng.randrange(len(found) + 1)))
        way = rng.randrange(5)
        if way == 0 and place < len(found):
            found[place] = rng.randrange(256)
        elif way == 1:
            del found[place:]
        elif way == 2:
            del found[place : min(other, place + 30)]
        elif way == 3:
            found[place:place] = found[place : min(other, place + 60)]
        else:
            found[place:place] = rng.choice(PIECES)
    return bytes(found)
