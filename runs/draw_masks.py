"""Draws docs/images/masks.png: the masks of modes, refinement and regions side by side on drawn scenes of `tiny-plain`.

Each row is a scene of the validation split: what is true, and what each way of asking answers among the names that
are there and three that are not. Run: python runs/draw_masks.py
"""

from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageDraw

from tagalign.atomic import atomic_write
from tagalign.data.tiny_world import CLASS_SETS, Scene, TinyWorld
from tagalign.export.drawing import font, label_color
from tagalign.methods.load import load_method
from tagalign.tags.label_sets import label_set_of
from tagalign.tasks.regions.value import Regions
from tagalign.tasks.regions.voting import vote_regions
from tagalign.types import Segmentation

OUT = Path("docs/images/masks.png")
MODEL, PLACES, SIDE, GAP, HEAD = "tiny-plain", (3, 7, 12), 160, 8, 22
WAYS: dict[str, dict[str, Any]] = {
    "maskclip": {"method": "maskclip"},
    "naclip": {"method": "naclip"},
    "pearl": {"method": "pearl"},
    "surgery": {"method": "surgery"},
    "scclip": {"method": "scclip"},
    "scclip, tlp": {"method": "scclip", "refine": "tlp"},
}
ABSENT = ("car", "boat", "snow")


def names_of(scene: Scene) -> list[str]:
    """What is there, in the order of the classes, and three names that are not."""
    there = sorted({one.name for one in scene.instances} | {scene.background}, key=CLASS_SETS["all"].index)
    return [*there, *(name for name in ABSENT if name not in there)]


def answers(scene: Scene, names: list[str]) -> list[Segmentation]:
    """One per way, and the last of them after the vote of the true masks."""
    photo = Image.fromarray(scene.image)
    found = []
    for options in WAYS.values():
        method: Any = load_method(MODEL, device="cpu", **options)
        labels = method.encode_labels(label_set_of(names))
        found.append(method.segment(method.encode_images([photo])[0], labels, photo=photo))
    true = Regions.of_ids(torch.from_numpy(scene.owner.astype(int) + 2))
    return [*found, vote_regions(found[list(WAYS).index("scclip")], true)]


def coloured(labels: torch.Tensor, names: list[str]) -> Image.Image:
    """A label map in the colours of its classes among all, so that a name has one colour in every row."""
    colours = torch.tensor([label_color(CLASS_SETS["all"].index(one)) for one in names])
    return Image.fromarray(colours[labels.cpu()].to(torch.uint8).numpy())


def row(scene: Scene) -> list[Image.Image]:
    """The pictures of a scene."""
    names = names_of(scene)
    place = {CLASS_SETS["all"].index(name): i for i, name in enumerate(names)}
    truth = torch.from_numpy(scene.label_map("all").astype(int)).apply_(place.__getitem__)
    maps = [coloured(one.labels, names) for one in answers(scene, names)]
    pictures = [Image.fromarray(scene.image), coloured(truth, names), *maps]
    return [one.resize((SIDE, SIDE), Image.Resampling.NEAREST) for one in pictures]


def main() -> None:
    torch.set_num_threads(1)
    scenes = list(TinyWorld(seed=0, split="validation").take(max(PLACES) + 1))
    rows = [row(scenes[place]) for place in PLACES]
    heads = ["scene", "true", *WAYS, "scclip, true regions"]
    sheet = Image.new(
        "RGB", (len(heads) * (SIDE + GAP) - GAP, HEAD + len(rows) * (SIDE + GAP) - GAP), "white"
    )
    pen = ImageDraw.Draw(sheet)
    for column, head in enumerate(heads):
        pen.text((column * (SIDE + GAP), 2), head, fill="black", font=font(14))
        for line, pictures in enumerate(rows):
            sheet.paste(pictures[column], (column * (SIDE + GAP), HEAD + line * (SIDE + GAP)))
    with atomic_write(OUT) as temp:
        sheet.quantize(128).save(temp, format="PNG", optimize=True)


if __name__ == "__main__":
    main()
