"""Pictures for the page of an evaluation: the images that went best and worst, beside what is true."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image

from tagalign.evaluate.ask_dense import AskSegmentation
from tagalign.evaluate.compare import image_scores
from tagalign.export.overlay import overlay
from tagalign.pages.pictures import data_uri
from tagalign.types import Segmentation

MAX_SIDE = 1040  # of answer and truth side by side, pixels: more than the page is wide
LEAST_COUNTED = 100  # images with fewer counted pixels say little about a method


@dataclass(frozen=True, kw_only=True)
class Picture:
    """An image of the gallery.

    Attributes:
        source: a ``data:`` URI.
        caption: what one sees.
        score: of this image alone, percent.
    """

    source: str
    caption: str
    score: float


def best_and_worst(
    asker: AskSegmentation, rows: Sequence[dict[str, Any]], *, count: int
) -> tuple[list[Picture], list[Picture]]:
    """The images with the highest and the lowest mIoU of their own, answered again; none is in both lists."""
    told = [row for row in rows if sum(row["cells"][1::2]) >= LEAST_COUNTED]
    scores = image_scores("segmentation", told, asker.scoring())
    order = sorted(range(len(told)), key=lambda k: scores[k])
    count = min(count, len(told) // 2)
    worst, best = order[:count], order[len(order) - count :][::-1]
    return (
        [_picture(asker, told[k]["i"], scores[k]) for k in best],
        [_picture(asker, told[k]["i"], scores[k]) for k in worst],
    )


def _picture(asker: AskSegmentation, index: int, score: float) -> Picture:
    """Photo with the answer, photo with the truth, side by side."""
    data = asker.data
    image = data.image(index)
    found = asker.classes_of(asker.segment(asker.encode([image])[0], image))
    truth = torch.from_numpy(data.target(index).astype("int64"))
    names = (*data.class_names, "not counted")
    truth[truth == data.ignore] = len(names) - 1
    zeros = torch.zeros(truth.shape)
    sheets = [
        overlay(image, Segmentation(labels=labels, names=names, scores=zeros)) for labels in (found, truth)
    ]
    both = Image.new("RGB", (sum(s.width for s in sheets), max(s.height for s in sheets)), "white")
    both.paste(sheets[0], (0, 0))
    both.paste(sheets[1], (sheets[0].width, 0))
    return Picture(
        source=data_uri(both, max_side=MAX_SIDE), caption=f"{data.key(index)}: answer, truth", score=score
    )
