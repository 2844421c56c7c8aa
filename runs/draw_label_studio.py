"""Draw what Label Studio shows of a prediction: python runs/draw_label_studio.py [docs/images/label-studio.png].

A drawn scene is asked for through the paths of the server, as Label Studio asks; what is drawn is read from the answer, the
brush with the decoder of label-studio-sdk.
"""

import base64
import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
from fastapi.testclient import TestClient
from label_studio_sdk.converter.brush import decode_rle
from PIL import Image, ImageDraw

import tagalign
from tagalign.apps.server.app import create_app
from tagalign.data.tiny_world import TinyWorld
from tagalign.export.drawing import INK, PAPER, font, label_color

SCENE, SCALE, BAR, GAP = 12, 2, 30, 12
NAMES = ["boat", "car", "grass", "sky"]
TITLES = {"BrushLabels": "brush", "PolygonLabels": "polygons", "RectangleLabels": "rectangles"}
Result = dict[str, Any]


def main(path: Path) -> None:
    """Draw the scene, and beside it each kind of region."""
    photo = Image.fromarray(TinyWorld(seed=0, split="test")[SCENE].image)
    results = predicted(photo)
    size = (photo.width * SCALE, photo.height * SCALE)
    chosen = next(one["value"]["choices"] for one in results if one["type"] == "choices")
    panels = [("choices: " + ", ".join(chosen), photo.resize(size))]
    for tag, title in TITLES.items():
        panels.append((title, drawn(photo, [one for one in results if one["from_name"] == tag], size)))
    picture = Image.new("RGB", (len(panels) * (size[0] + GAP) - GAP, size[1] + BAR), PAPER)
    for place, (title, panel) in enumerate(panels):
        left = place * (size[0] + GAP)
        picture.paste(panel, (left, BAR))
        ImageDraw.Draw(picture).text((left, 6), title, fill=INK, font=font(16, title))
    picture.quantize(200).save(path, optimize=True)


def predicted(photo: Image.Image) -> list[Result]:
    """The results of one task."""
    file = io.BytesIO()
    photo.save(file, format="PNG")
    address = "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
    with TestClient(create_app(tagalign.load("tiny"))) as client:
        body = {"tasks": [{"data": {"image": address}}], "label_config": config()}
        return client.post("/label-studio/predict", json=body).json()["results"][0]["result"]


def config() -> str:
    """A project that asks for everything."""
    tags = ["Choices", *TITLES]
    controls = "".join(
        f'<{tag} name="{tag}" toName="image" choice="multiple">'
        + "".join(f'<{"Choice" if tag == "Choices" else "Label"} value="{name}"/>' for name in NAMES)
        + f"</{tag}>"
        for tag in tags
    )
    return f'<View><Image name="image" value="$image"/>{controls}</View>'


def drawn(photo: Image.Image, results: list[Result], size: tuple[int, int]) -> Image.Image:
    """The photo under the regions, as their numbers say."""
    picture = photo.resize(size)
    for one in results:
        value = one["value"]
        name = value[one["type"]][0]
        color = label_color(NAMES.index(name))
        layer, line = picture.copy(), ImageDraw.Draw(picture)
        fill = ImageDraw.Draw(layer)
        if "rle" in value:
            inside = decode_rle(value["rle"]).reshape(photo.height, photo.width, 4)[..., 3] > 0
            mask = Image.fromarray(np.uint8(inside) * 255).resize(size, Image.Resampling.NEAREST)
            picture = Image.composite(
                Image.blend(picture, Image.new("RGB", size, color), 0.55), picture, mask
            )
            continue
        if "points" in value:
            corners = [(x * size[0] / 100, y * size[1] / 100) for x, y in value["points"]]
            fill.polygon(corners, fill=color)
            picture = Image.blend(picture, layer, 0.35)
            ImageDraw.Draw(picture).polygon(corners, outline=color, width=3)
            continue
        left, top = value["x"] * size[0] / 100, value["y"] * size[1] / 100
        box = (
            left,
            top,
            left + value["width"] * size[0] / 100 - 1,
            top + value["height"] * size[1] / 100 - 1,
        )
        line.rectangle(box, outline=color, width=3)
        line.text((left + 5, top + 3), name, fill=color, font=font(15, name))
    return picture


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/images/label-studio.png"))
