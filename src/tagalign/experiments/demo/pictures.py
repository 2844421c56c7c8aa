"""Rows of pictures: masks with one colour per object across a row and a plain background, and heat maps of a phrase."""

from collections.abc import Mapping

import numpy as np
import torch
from markupsafe import Markup
from PIL import Image
from torch import Tensor

from tagalign.experiments.demo.examples import DemoExample
from tagalign.export.drawing import Color, heat_colors, label_color
from tagalign.pages.document import joined
from tagalign.pages.pictures import data_uri, figure, gallery, legend

PLAIN: Color = (236, 237, 240)
"""Of the background: no colour of a label is near it."""
ABSENT: Color = (96, 98, 105)
"""Of every label that the scene does not show: which wrong name it is matters less than that it is one."""


def masks(example: DemoExample) -> Markup:
    """The scene, the truth and every row, with the share of pixels each names right, and what the colours mean."""
    colors = colors_of(example)
    figures = [_figure(example.picture, "scene"), _figure(colored(example.truth, colors), "truth")]
    figures += [
        _figure(colored(labels, colors), f"{name}: {example.right(name):.0f} % right")
        for name, labels in example.predictions.items()
    ]
    words = [(example.names[label], color) for label, color in colors_of(example).items() if color != ABSENT]
    return joined(
        [gallery(figures, kind="tiny"), legend([*words, ("a label that is not in the scene", ABSENT)])]
    )


def colors_of(example: DemoExample) -> dict[int, Color]:
    """A colour for each label: the background's, one for each object of the scene, one for all that are absent."""
    shown = [int(i) for i in example.truth.unique() if int(i)]
    own = {label: label_color(place) for place, label in enumerate(shown)}
    absent = dict.fromkeys(range(1, len(example.names)), ABSENT)
    return {0: PLAIN, **own, **{label: color for label, color in absent.items() if label not in own}}


def colored(labels: Tensor, colors: Mapping[int, Color]) -> Image.Image:
    """A label map in the colours of its row."""
    table = np.zeros((max(colors) + 1, 3), dtype=np.uint8)
    for label, color in colors.items():
        table[label] = color
    return Image.fromarray(table[labels.cpu().numpy()])


def heats(example: DemoExample) -> Markup:
    """Where each row finds the phrase."""
    figures = [_figure(example.picture, "scene")]
    figures += [_figure(_heated(example.picture, heat), name) for name, heat in example.heats.items()]
    return Markup("<h3>“{}”</h3>{}").format(example.phrase, gallery(figures, kind="tiny"))


def _figure(picture: Image.Image, caption: str) -> Markup:
    return figure(data_uri(picture, exact=True), caption, alt=caption)


def _heated(picture: Image.Image, heat: Tensor) -> Image.Image:
    grey = picture.convert("L").convert("RGB")
    return Image.blend(grey, Image.fromarray(heat_colors(_normalised(heat).float().cpu().numpy())), 0.6)


def _normalised(heat: Tensor) -> Tensor:
    """Min-max to [0, 1]; zeros for a constant map."""
    low, high = heat.min(), heat.max()
    return (heat - low) / (high - low) if bool(high > low) else torch.zeros_like(heat)
