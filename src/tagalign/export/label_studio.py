"""Label Studio predictions: masks as brush strokes, tags as choices, ready to be corrected by people."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

import numpy as np
from jaxtyping import Bool, Int

from tagalign.atomic import atomic_write, sweep
from tagalign.export.drawing import label_color
from tagalign.export.records import Annotated, Region, regions, segmentation_of
from tagalign.json_text import json_text

RUN_BITS = (3, 4, 8, 16)  # the sizes a run length may have, in bits; Label Studio's own choice
WORD_BITS = 8

Numbers = Int[np.ndarray, " _"]


def write_label_studio(
    path: str | Path, images: Iterable[Annotated], *, image_url: str = "", model_version: str = "tagalign"
) -> int:
    """Write tasks with predictions; ``labelling_config`` gives the setting of the project they belong to.

    Args:
        path: of the JSON file.
        images: with masks, tags, or both.
        image_url: put before every file name as it is, e.g. ``/data/local-files/?d=``; the names are percent-encoded.
        model_version: shown beside the predictions.

    Returns:
        The number of tasks.
    """
    count, path = 0, Path(path)
    sweep(path.parent, [path.name])
    with atomic_write(path) as temp, temp.open("w", encoding="utf-8") as file:
        file.write("[")
        for count, image in enumerate(images, start=1):
            file.write(",\n" if count > 1 else "\n")
            file.write(
                json_text(task(image, image_url=image_url, model_version=model_version), ensure_ascii=False)
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
    return {"data": {"image": image_url + address_of(image.file_name)}, "predictions": [prediction]}


def address_of(file_name: str) -> str:
    """A file name as part of an address: all but ``/`` and plain letters percent-encoded, byte by byte.

    >>> address_of("day 1/50% #2 & more.jpg")
    'day%201/50%25%20%232%20%26%20more.jpg'
    """
    return quote(os.fsencode(file_name), safe="/")


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
    starts = np.concatenate([[0], np.flatnonzero(cells[1:] != cells[:-1]) + 1])
    lengths = np.diff(np.append(starts, cells.size)) * 4  # four channels
    lengths, values = _cut(lengths, cells[starts])
    which = np.searchsorted([1 << bits for bits in RUN_BITS], lengths)
    size = np.array(RUN_BITS)[which]
    head = [(cells.size * 4, 32), (WORD_BITS - 1, 5), *((bits - 1, 4) for bits in RUN_BITS)]
    # one number per run: a bit 1, two bits which size, the length, the value
    runs = (((4 | which) << size | (lengths - 1)) << WORD_BITS) | np.where(values, (1 << WORD_BITS) - 1, 0)
    numbers = np.concatenate([[number for number, _ in head], runs])
    widths = np.concatenate([[width for _, width in head], 3 + size + WORD_BITS])
    return list(_packed(numbers, widths))


def _cut(lengths: Numbers, values: Bool[np.ndarray, " runs"]) -> tuple[Numbers, Bool[np.ndarray, " pieces"]]:
    """Runs longer than a run may be, cut into pieces."""
    longest = 1 << RUN_BITS[-1]
    pieces = -(-lengths // longest)
    cut = np.full(pieces.sum(), longest)
    cut[np.cumsum(pieces) - 1] = lengths - (pieces - 1) * longest
    return cut, np.repeat(values, pieces)


def _packed(numbers: Numbers, widths: Numbers) -> bytes:
    """Numbers of so many bits each, one after the other, highest bit first; filled up with zero bits to whole bytes."""
    ends = np.cumsum(widths)
    bits = np.zeros(-(-int(ends[-1]) // 8) * 8, dtype=np.uint8)
    for bit in range(int(widths.max())):  # from the lowest
        has = widths > bit
        bits[ends[has] - 1 - bit] = numbers[has] >> bit & 1
    return np.packbits(bits).tobytes()
