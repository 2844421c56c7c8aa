"""Draws docs/images/regions.png: the masks of a drawn scene, the regions of others, and the masks after their vote.

Run: pip install scikit-image && python runs/draw_regions.py
"""

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from skimage.segmentation import felzenszwalb

from tagalign.data.tiny_world import CLASS_SETS, TinyWorld
from tagalign.export.overlay import overlay
from tagalign.methods.load import load_method
from tagalign.tags.label_sets import label_set_of
from tagalign.tasks.regions.value import Regions
from tagalign.tasks.regions.voting import vote_regions

OUT = Path("docs/images/regions.png")
PLACE, MODE, GAP = 7, "sclip", 12


def main() -> None:
    scene = list(TinyWorld(seed=0, split="test").take(PLACE + 1))[PLACE]
    photo = Image.fromarray(scene.image)
    method = load_method("tiny", method=MODE, device="cpu")
    there = sorted({one.name for one in scene.instances} | {scene.background}, key=CLASS_SETS["all"].index)
    labels = method.encode_labels(
        label_set_of([*there, *(n for n in ("car", "boat", "snow") if n not in there)])
    )
    plain = method.segment(method.encode_images([photo])[0], labels)
    pieces = felzenszwalb(scene.image, scale=50, sigma=0.5, min_size=16) + 1
    pictures = [overlay(photo, plain)]
    for ids in (pieces, scene.owner.astype(np.int64) + 2):
        voted = vote_regions(plain, Regions.of_ids(torch.from_numpy(ids.astype(np.int64))))
        pictures.append(overlay(photo, voted))
    height = max(picture.height for picture in pictures)
    width = sum(picture.width + GAP for picture in pictures) - GAP
    sheet = Image.new("RGB", (width, height), "white")
    left = 0
    for picture in pictures:
        sheet.paste(picture, (left, 0))
        left += picture.width + GAP
    sheet.quantize(128).save(OUT, optimize=True)


if __name__ == "__main__":
    main()
