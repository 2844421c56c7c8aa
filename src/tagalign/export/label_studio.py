"""Label Studio predictions: masks as brush strokes, tags as choices, ready to be corrected by people."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import numpy as np
from jaxtyping import Bool

from tagalign.atomic import atomic_write
from tagalign.export.drawing import label_color
from tagalign.export.records import Annotated, Region, regions, segmentation_of

RUN_BITS = (3, 4, 8, 16)  # the sizes a run length may have, in bits; Label Studio's own choice
WORD_BITS = 8


def write_label_studio(
    path: str | Path, images: Iterable[Annotated], *, image_url: str = "", model_version: str = "tagalign"
) -> int:
    """Write tasks with predictions; ``labelling_config`` gives the setting of the project they belong to.

    Args:
        path: of the JSON file.
        images: with masks, tags, or both.
        image_url: put before every file name, e.g. ``/data/local-files/?d=``.
        model_version: shown beside the predictions.

    Returns:
        The number of tasks.
    """
    count = 0
    with atomic_write(path) as temp, temp.open("w", encoding="utf-8") as file:
        file.write("[")
        for count, image in enumerate(images, start=1):
            file.write(",\n" if count > 1 else "\n")
            file.write(
                json.dumps(task(image, image_url=image_url, model_version=model_version), ensure_ascii=False)
            )
        file.write("\n]\n")
    return count


def task(image: Annotated, *, image_url: str = "", model_version: str = "tagalign") -> dict[str, Any]:
    """One task: the address of the image, and what was found in it as a prediction."""
    result = []
    if image.segmentation is not None:
        parts = regions(segmentation_of(image), split=False)
        result += [_brush(region, f"mask-{i}") for i, region in enumerate(parts)]
    if image.tagging is not None:
        result.append(_choices(image))
    prediction = {"model_version": model_version, "result": result}
    return {"data": {"image": image_url + image.file_name}, "predictions": [prediction]}


def _brush(region: Region, identifier: str) -> dict[str, Any]:
    height, width = region.size
    value = {"format": "rle", "rle": brush_rle(region.full_mask()), "brushlabels": [region.name]}
    return {
        "id": identifier,
        "type": "brushlabels",
        "from_name": "masks",
        "to_name": "image",
        "original_width": width,
        "original_height": height,
        "image_rotation": 0,
        "score": round(region.score, 6),
        "value": value,
    }


def _choices(image: Annotated) -> dict[str, Any]:
    tags = list(image.tagging.tags) if image.tagging else []
    return {
        "id": "tags",
        "type": "choices",
        "from_name": "tags",
        "to_name": "image",
        "value": {"choices": tags},
    }


def labelling_config(names: Iterable[str]) -> str:
    """The XML setting of a Label Studio project with a brush and a choice per name."""
    kept = [(i, name) for i, name in enumerate(names) if name != "background"]
    brushes = "".join(
        f'    <Label value={quoteattr(name)} background="#{bytes(label_color(i)).hex()}"/>\n'
        for i, name in kept
    )
    choices = "".join(f"    <Choice value={quoteattr(name)}/>\n" for _, name in kept)
    return (
        '<View>\n  <Image name="image" value="$image" zoom="true"/>\n'
        f'  <BrushLabels name="masks" toName="image">\n{brushes}  </BrushLabels>\n'
        f'  <Choices name="tags" toName="image" choice="multiple">\n{choices}  </Choices>\n</View>\n'
    )


def brush_rle(mask: Bool[np.ndarray, "height width"]) -> list[int]:
    """Label Studio's run-length code of a mask drawn as red, green, blue and opacity of 0 or 255.

    A bit stream: 32 bits number of values, 5 bits word size less one, four times 4 bits size of a run length less
    one, then the runs: a bit 1 ("the same value"), 2 bits which size, the length less one, 8 bits value. Filled up
    with zero bits to whole bytes.
    """
    cells = mask.reshape(-1)
    edges = np.flatnonzero(cells[1:] != cells[:-1]) + 1
    starts = np.concatenate([[0], edges])
    lengths = np.diff(np.concatenate([starts, [cells.size]])) * 4  # four channels
    head = f"{cells.size * 4:032b}{WORD_BITS - 1:05b}" + "".join(f"{bits - 1:04b}" for bits in RUN_BITS)
    runs = (_runs(int(n), bool(cells[s])) for n, s in zip(lengths, starts, strict=True))
    bits = head + "".join(runs)
    bits += "0" * (-len(bits) % 8)
    return list(int(bits, 2).to_bytes(len(bits) // 8, "big"))


def _runs(length: int, value: bool) -> str:
    longest = 1 << RUN_BITS[-1]
    word = "1" * WORD_BITS if value else "0" * WORD_BITS
    out = []
    while length:
        now = min(length, longest)
        which = next(i for i, bits in enumerate(RUN_BITS) if now <= 1 << bits)
        out.append(f"1{which:02b}{now - 1:0{RUN_BITS[which]}b}{word}")
        length -= now
    return "".join(out)
