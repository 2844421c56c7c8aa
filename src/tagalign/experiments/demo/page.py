"""The page of the demo: tables, masks, heat maps, tags and settings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from markupsafe import Markup
from PIL import Image
from torch import Tensor

from tagalign.experiments.demo.examples import DemoExample
from tagalign.experiments.scoring import RowScores
from tagalign.export.drawing import heat_colors, label_color
from tagalign.json_text import json_text
from tagalign.pages.document import code, document, fold, joined, section
from tagalign.pages.pictures import data_uri, figure, gallery, legend
from tagalign.pages.tables import chip, over_bar, table
from tagalign.pages.vocabulary import cloud_svg, frequency_svg
from tagalign.tags.vocabulary import TagVocabulary

LEAD = (
    "Scenes with noisy alt text, no annotation. The captions were parsed into tags, three projectors were trained on a "
    "frozen CLIP, and all rows were scored on scenes they never saw. All numbers are percent, on drawn scenes: they show "
    "that the parts work together, and are no claim about photos."
)
TABLES = {
    "segmentation": (
        ("miou", "mIoU, all classes"),
        ("miou_objects", "mIoU, objects"),
        ("pixel_accuracy", "pixel accuracy"),
    ),
    "referring": (("miou", "mIoU"), ("overall_iou", "overall IoU"), ("precision_50", "precision@0.5")),
}


@dataclass(frozen=True, kw_only=True)
class ParsedText:
    """A caption and its tags."""

    caption: str
    objects: Sequence[str]
    attributes: Sequence[str]


def render_demo(
    scores: Mapping[str, RowScores],
    examples: Sequence[DemoExample],
    class_names: Sequence[str],
    vocabulary: TagVocabulary,
    parses: Sequence[ParsedText],
    settings: Mapping[str, Any],
    command: str,
) -> str:
    """The whole page.

    Args:
        scores: by row name, in the order of the tables.
        examples: a handful of scenes.
        class_names: names of the ids in the label maps.
        vocabulary: objects and attributes with counts.
        parses: a few captions.
        settings: of the run.
        command: what to try on one's own photo.
    """
    return document(
        "tagalign demo",
        Markup('<header><h1>tagalign demo</h1><p class="lead">{}</p></header>\n').format(LEAD),
        section("Segmentation", score_table(scores, "segmentation")),
        section("Referring segmentation", score_table(scores, "referring")),
        section("Masks", *(_masks(example, class_names) for example in examples)),
        section("Where is the phrase?", *(_heats(example) for example in examples if example.phrase)),
        section("From captions to tags", _captions(parses)),
        section("The tags", cloud_svg(vocabulary)),
        section("How often a tag occurs, by rank", frequency_svg(vocabulary)),
        section("Try it on your own photo", code(command)),
        section("Settings", fold("everything this run was made with", code(_json(settings)))),
    )


def _json(settings: Mapping[str, Any]) -> str:
    return json_text(settings, indent=2, default=str)


def score_table(scores: Mapping[str, RowScores], task: str) -> Markup:
    """One line per row; the best of each column is bold."""
    values = {name: getattr(row, task) for name, row in scores.items()}
    best = {key: max(numbers[key] for numbers in values.values()) for key, _ in TABLES[task]}
    rows = [
        (name, *(_number(numbers[key], best[key]) for key, _ in TABLES[task]))
        for name, numbers in values.items()
    ]
    return table(("method", *(title for _, title in TABLES[task])), rows)


def _number(value: float, best: float) -> Markup:
    shown = f"{value:.1f}"
    return over_bar(Markup("<b>{}</b>").format(shown) if value == best else shown, value / 100)


def _masks(example: DemoExample, class_names: Sequence[str]) -> Markup:
    maps = {"truth": example.truth, **example.predictions}
    figures = [_figure(example.picture, "scene")]
    figures += [_figure(_colored(labels), name) for name, labels in maps.items()]
    present = sorted({int(i) for i in example.truth.unique()})
    return joined(
        [gallery(figures, kind="tiny"), legend([(class_names[i], label_color(i)) for i in present])]
    )


def _heats(example: DemoExample) -> Markup:
    figures = [_figure(example.picture, "scene")]
    figures += [_figure(_heated(example.picture, heat), name) for name, heat in example.heats.items()]
    return Markup("<h3>“{}”</h3>{}").format(example.phrase, gallery(figures, kind="tiny"))


def _figure(picture: Image.Image, caption: str) -> Markup:
    return figure(data_uri(picture, exact=True), caption, alt=caption)


def _colored(labels: Tensor) -> Image.Image:
    ids = labels.cpu().numpy()
    colors = np.array([label_color(i) for i in range(int(ids.max()) + 1)], dtype=np.uint8)
    return Image.fromarray(colors[ids])


def _heated(picture: Image.Image, heat: Tensor) -> Image.Image:
    grey = picture.convert("L").convert("RGB")
    return Image.blend(grey, Image.fromarray(heat_colors(_normalised(heat).float().cpu().numpy())), 0.6)


def _normalised(heat: Tensor) -> Tensor:
    """Min-max to [0, 1]; zeros for a constant map."""
    low, high = heat.min(), heat.max()
    return (heat - low) / (high - low) if bool(high > low) else torch.zeros_like(heat)


def _captions(parses: Sequence[ParsedText]) -> Markup:
    rows = []
    for parse in parses:
        tags = [chip(tag) for tag in parse.objects] + [chip(tag, "attribute") for tag in parse.attributes]
        rows.append((parse.caption, joined(tags, " ") or "no tag"))
    return table(("alt text", "objects (blue) and attributes (green)"), rows, kind="sentences")
