"""Files that the page offers: the label map as PNG, everything as JSON."""

from pathlib import Path
from typing import Any

from tagalign.apps.page.studio import Shown
from tagalign.export.masks import save_mask
from tagalign.json_text import json_text
from tagalign.ops.masks import encode_rle
from tagalign.temporary import PassingFolders

HANDED = PassingFolders("downloads", most=256)
"""Where files lie until gradio has copied them, which it does before it answers."""


def write_files(view: Shown, described: dict[str, Any], folder: Path | None = None) -> list[str]:
    """Write the mask and the numbers of a view; returns their paths.

    Args:
        view: what is on the screen.
        described: what answered, for the JSON file.
        folder: where; a passing one by default.
    """
    folder = HANDED.new() if folder is None else folder
    stem = Path(view.opened.name).stem or "photo"
    files = []
    if view.segmentation is not None:
        mask = folder / f"{stem}.mask.png"
        save_mask(mask, view.segmentation.labels, len(view.segmentation.names))
        files.append(str(mask))
    values = folder / f"{stem}.json"
    values.write_text(
        json_text(numbers(view, described), ensure_ascii=False, indent=2) + "\n", encoding="utf-8"
    )
    return [*files, str(values)]


def numbers(view: Shown, described: dict[str, Any]) -> dict[str, Any]:
    """Tags, scores and shares of a view, with what made them."""
    values: dict[str, Any] = {
        "photo": view.opened.name,
        "size": [view.opened.image.height, view.opened.image.width],
        "labels": list(view.labels.names),
        "model": {name: str(value) for name, value in described.items()},
    }
    if view.choice is not None:
        values["chosen"] = view.choice.recorded()
    if view.tagging is not None:
        values["tags"] = list(view.tagging.tags)
        values["scores"] = dict(zip(view.tagging.names, view.tagging.scores, strict=True))
    if view.segmentation is not None:
        values["mask_names"] = list(view.segmentation.names)
        values["shares"] = view.segmentation.shares()
    if view.segmentation is not None and view.segmentation.instances is not None:
        values["instances"] = [
            {
                "label": one.name,
                "score": one.score,
                "box": list(one.box),
                "area": one.area,
                "size": list(one.size),
                "counts": encode_rle(one.mask).decode("ascii"),
            }
            for one in view.segmentation.instances
        ]
    return values
