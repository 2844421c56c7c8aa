"""Pictures for the report: the images that went best and worst, beside what is true."""

import base64
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL import Image

    from tagalign.evaluate.ask_dense import AskSegmentation
    from tagalign.evaluate.report import Picture

MAX_SIDE = 520  # of a picture in the page, pixels; two stand side by side
LEAST_COUNTED = 100  # images with fewer counted pixels say little about a method


def best_and_worst(
    asker: "AskSegmentation", rows: Sequence[dict[str, Any]], *, count: int
) -> tuple[list["Picture"], list["Picture"]]:
    """The images with the highest and the lowest mIoU of their own, answered again; none is in both lists."""
    from tagalign.evaluate.compare import image_scores

    told = [row for row in rows if sum(row["cells"][1::2]) >= LEAST_COUNTED]
    scores = image_scores("segmentation", told, asker.scoring())
    order = sorted(range(len(told)), key=lambda k: scores[k])
    count = min(count, len(told) // 2)
    worst, best = order[:count], order[len(order) - count :][::-1]
    return (
        [_picture(asker, told[k]["i"], scores[k]) for k in best],
        [_picture(asker, told[k]["i"], scores[k]) for k in worst],
    )


def _picture(asker: "AskSegmentation", index: int, score: float) -> "Picture":
    """Photo with the answer, photo with the truth, side by side."""
    import torch
    from PIL import Image

    from tagalign.evaluate.report import Picture
    from tagalign.export.overlay import overlay
    from tagalign.types import Segmentation

    data = asker.data
    image = data.image(index)
    found = asker.classes_of(asker.segment(asker.encode([image])[0], image))
    truth = torch.from_numpy(data.target(index).astype("int64"))
    names = (*data.class_names, "not counted")
    truth[truth == data.ignore] = len(names) - 1
    zeros = torch.zeros(truth.shape)
    pages = [
        overlay(image, Segmentation(labels=labels, names=names, scores=zeros)) for labels in (found, truth)
    ]
    both = Image.new("RGB", (pages[0].width + pages[1].width, max(page.height for page in pages)), "white")
    both.paste(pages[0], (0, 0))
    both.paste(pages[1], (pages[0].width, 0))
    return Picture(source=data_uri(both), caption=f"{data.key(index)}: answer, truth", score=score)


def data_uri(picture: "Image.Image") -> str:
    """A picture inside the page, JPEG, shrunk to a bounded size."""
    scale = min(1.0, 2 * MAX_SIDE / picture.width)
    small = picture.resize((round(picture.width * scale), round(picture.height * scale)))
    buffer = io.BytesIO()
    small.convert("RGB").save(buffer, format="JPEG", quality=82)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
