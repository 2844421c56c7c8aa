"""The house of the library as one picture: its floors, and the way of one image and one caption through them.

Floors and their order are read from the contract that ``lint-imports`` checks, their words from the packages themselves;
the pictures on the way are made by the library. ``python runs/draw_docs.py`` writes it as docs/images/architecture.svg.
"""

import ast
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import torch
from markupsafe import Markup
from PIL import Image

import tagalign
from tagalign.data.tiny_world import TinyWorld
from tagalign.export.drawing import heat_colors
from tagalign.export.overlay import overlay
from tagalign.pages.drawings import svg, text
from tagalign.pages.pictures import data_uri

ROOT = Path(__file__).resolve().parents[1]
WIDTH, ROW, TOP = 1250, 58, 64
HOUSE = (420, 860)  # left and right wall
LANES = {"down": 30, "up": 235, "words down": 885, "words up": 1075}
"""Left edge of what lies beside the house: an image on its left, a caption on its right."""
THUMB = 44
INK, FAINT, IMAGE, WORDS = "#1c1e21", "#666c75", "#2f6fb5", "#c2571a"
GROUND = "ground"


@dataclass(frozen=True, kw_only=True)
class Step:
    """A stop on the way.

    Attributes:
        floor: where it is.
        lane: a key of ``LANES``.
        title: what happens.
        detail: in a few more words.
        picture: what is there at this moment.
    """

    floor: str
    lane: str
    title: str
    detail: str = ""
    picture: Image.Image | None = None


def floors() -> dict[str, str]:
    """Floors from the top down with what they say of themselves; single modules lie together on the ground."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    names = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    packages = [name for name in names if (ROOT / "src/tagalign" / name).is_dir()]
    modules = [name for name in names if name not in packages]
    found = {name: _words(ROOT / "src/tagalign" / name / "__init__.py") for name in packages}
    return {**found, GROUND: f"{', '.join(modules)}: frozen values, and files that are whole."}


def _words(path: Path) -> str:
    """The first sentence of a docstring."""
    doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return f"{doc.partition('. ')[0].rstrip('.')}."


def image_steps() -> list[Step]:
    """A photo becomes masks; every picture is computed."""
    scene = TinyWorld(seed=0, split="test")[12]
    photo = Image.fromarray(scene.image)
    model = tagalign.load("tiny", method="surgery")
    image = model.encode_image(photo)
    masks = overlay(photo, model.segment(image, ["boat", "car", "grass", "sky"], photo=photo))
    masks = masks.crop((0, 0, masks.width, masks.width))  # without its legend
    heat = heat_colors(model.heat_maps(image, ["boat"])[0].cpu().numpy())
    return [
        Step(floor="cli", lane="down", title="tagalign segment", detail="photo.png, labels", picture=photo),
        Step(floor="tasks", lane="down", title="the door", detail="encode once, ask often"),
        Step(floor="methods", lane="down", title="canvas", detail="size, windows, prompts"),
        Step(floor="backbones", lane="down", title="patch embeddings", detail=_grid(image), picture=_patches(image)),
        Step(floor="ops", lane="up", title="cosines, upsampled", detail='"boat"', picture=Image.fromarray(heat)),
        Step(floor="methods", lane="up", title="best label per pixel", detail="a frozen Segmentation"),
        Step(floor="export", lane="up", title="PNG, COCO, ...", detail="what tools read", picture=masks),
    ]  # fmt: skip


def _grid(image: tagalign.EncodedImage) -> str:
    rows, cols = image.views[0].grid
    return f"{rows} x {cols} of {image.views[0].embeds.shape[1]} numbers"


def _patches(image: tagalign.EncodedImage) -> Image.Image:
    """The three strongest directions of the patch embeddings as red, green and blue."""
    view = image.views[0]
    centred = view.embeds.float() - view.embeds.float().mean(dim=0)
    strongest = centred @ torch.linalg.svd(centred, full_matrices=False).Vh[:3].T
    low, high = strongest.amin(dim=0), strongest.amax(dim=0)
    colors = (255 * (strongest - low) / (high - low)).byte().view(*view.grid, 3)
    return Image.fromarray(colors.cpu().numpy()).resize((80, 80), Image.Resampling.NEAREST)


def caption_steps() -> list[Step]:
    """A caption becomes tags, and tags become a projector that is measured."""
    caption = "a red boat on the water"
    parsed = tagalign.load_parser("rules").parse([caption])[0]
    tags = ", ".join([*parsed.objects, *parsed.attributes])
    return [
        Step(floor="cli", lane="words down", title="tagalign parse, train", detail=f'"{caption}"'),
        Step(floor="tags", lane="words down", title="tags, vocabulary", detail=tags),
        Step(floor="data", lane="words up", title="pairs", detail="features, tag ids, caption"),
        Step(floor="train", lane="words up", title="one loop", detail="projector in model/"),
        Step(floor="evaluate", lane="words up", title="rows, scores", detail="mIoU, intervals"),
        Step(floor="pages", lane="words up", title="report.html", detail="what to look at"),
    ]


def draw() -> Markup:
    """The whole picture."""
    house = floors()
    places = {name: TOP + ROW * i for i, name in enumerate(house)}
    height = TOP + ROW * len(house) + 24
    parts = [
        Markup('<rect width="{}" height="{}" rx="14" fill="#fbfbfa"/><g fill="{}">').format(
            WIDTH, height, INK
        ),
        _heading(LANES["down"], "one image", IMAGE),
        _heading(HOUSE[0], "the house: a floor imports from floors below it, never upward", INK),
        _heading(LANES["words down"], "one caption", WORDS),
        *(_floor(name, words, places[name]) for name, words in house.items()),
        *_way(image_steps(), places, IMAGE),
        *_way(caption_steps(), places, WORDS),
        Markup("</g>"),
    ]
    return svg(
        (height, WIDTH), "The floors of tagalign, and the way of an image and a caption through them", parts
    )


def _heading(x: int, words: str, color: str) -> Markup:
    return Markup('<g fill="{}" font-weight="bold">{}</g>').format(
        color, text(x, TOP - 24, words, size=15, anchor="start")
    )


def _floor(name: str, words: str, y: int) -> Markup:
    left, right = HOUSE
    box = Markup(
        '<rect x="{}" y="{}" width="{}" height="{}" rx="7" fill="#ffffff" stroke="#c9ced6"/>'
    ).format(left, y + 3, right - left, ROW - 6)
    title = Markup('<g font-weight="bold">{}</g>').format(
        text(left + 14, y + 25, name, size=15, anchor="start")
    )
    return (
        box
        + title
        + Markup('<g fill="{}">{}</g>').format(FAINT, text(left + 14, y + 43, words, size=12, anchor="start"))
    )


def _way(steps: Sequence[Step], places: dict[str, int], color: str) -> list[Markup]:
    """The stops, and a line through them in their order."""
    points = [(LANES[step.lane] + 6, places[step.floor] + ROW // 2) for step in steps]
    line = " ".join(f"{x},{y}" for x, y in _corners(points))
    way = Markup(
        '<polyline points="{}" fill="none" stroke="{}" stroke-width="2" stroke-linejoin="round" opacity="0.45"/>'
    ).format(line, color)
    return [way, *(_step(i + 1, step, places[step.floor], color) for i, step in enumerate(steps))]


def _corners(points: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """From one lane to the other below the words of the stop that is left."""
    found = list(points[:1])
    for (x, y), (next_x, next_y) in pairwise(points):
        if x != next_x:
            below = max(y + ROW // 2, next_y)
            found += [(x, below), (next_x, below)]
        found.append((next_x, next_y))
    return found


def _step(number: int, step: Step, y: int, color: str) -> Markup:
    x, middle = LANES[step.lane], y + ROW // 2
    dot = Markup(
        '<circle cx="{}" cy="{}" r="9" fill="{}"/><g fill="#ffffff" font-weight="bold">{}</g>'
    ).format(x + 6, middle, color, text(x + 6, middle + 4, number))
    shown, left = Markup(), x + 20
    if step.picture is not None:
        shown = Markup('<image x="{}" y="{}" width="{}" height="{}" href="{}"/>').format(
            left, middle - THUMB // 2, THUMB, THUMB, data_uri(step.picture, max_side=2 * THUMB, exact=True)
        )
        left += THUMB + 6
    words = text(left, middle - 2, step.title, size=12, anchor="start")
    tail = Markup('<g fill="{}">{}</g>').format(
        FAINT, text(left, middle + 13, step.detail, size=11, anchor="start")
    )
    return dot + shown + words + tail
