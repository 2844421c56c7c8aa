"""The page of the demo: self-contained HTML with tables, masks, heat maps, tags and settings."""

import base64
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from tagalign.apps.demo.scoring import Scores
from tagalign.export.drawing import heat_colors, label_color
from tagalign.tags.vocabulary import TagVocabulary

TABLES = {
    "segmentation": (
        ("miou", "mIoU, all classes"),
        ("miou_objects", "mIoU, objects"),
        ("pixel_accuracy", "pixel accuracy"),
    ),
    "referring": (("miou", "mIoU"), ("overall_iou", "overall IoU"), ("precision_50", "precision@0.5")),
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Example:
    """A test scene and what each row made of it.

    Attributes:
        picture: the scene.
        truth: its label map.
        predictions: label map by row name.
        phrase: a referring expression of the scene.
        heats: the phrase's heat map by row name.
    """

    picture: Image.Image
    truth: Tensor
    predictions: Mapping[str, Tensor]
    phrase: str
    heats: Mapping[str, Tensor]


def render(
    scores: Mapping[str, Scores],
    examples: Sequence[Example],
    class_names: Sequence[str],
    vocabulary: TagVocabulary,
    parses: Sequence[tuple[str, Sequence[str], Sequence[str]]],
    settings: Mapping[str, Any],
    command: str,
) -> str:
    """The whole page.

    Args:
        scores: by row name, in the order of the tables.
        examples: a handful of scenes.
        class_names: names of the ids in the label maps.
        vocabulary: objects and attributes with counts.
        parses: ``(caption, objects, attributes)`` of a few captions.
        settings: of the run.
        command: what to try on one's own photo.
    """
    page = Template(files(__package__).joinpath("page.html").read_text(encoding="utf-8"))
    return page.substitute(
        segmentation=table(scores, "segmentation"),
        referring=table(scores, "referring"),
        masks="".join(_mask_row(example, class_names) for example in examples),
        heats="".join(_heat_row(example) for example in examples if example.phrase),
        parses="".join(_parse_row(*row) for row in parses),
        objects=_cloud(vocabulary, "object"),
        attributes=_cloud(vocabulary, "attribute"),
        curve=_curve(vocabulary),
        settings=escape(json.dumps(settings, indent=2, default=str)),
        command=escape(command),
    )


def table(scores: Mapping[str, Scores], task: str) -> str:
    """An HTML table; the best of each column is bold."""
    columns = TABLES[task]
    values = {name: getattr(row, task) for name, row in scores.items()}
    best = {key: max(v[key] for v in values.values()) for key, _ in columns}
    head = "".join(f"<th>{escape(title)}</th>" for _, title in columns)
    body = "".join(
        f"<tr><td>{escape(name)}</td>" + "".join(_cell(row[key], best[key]) for key, _ in columns) + "</tr>"
        for name, row in values.items()
    )
    return f"<table><thead><tr><th>method</th>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(value: float, best: float) -> str:
    text = f"{value:.1f}"
    shown = f"<b>{text}</b>" if value == best else text
    return f'<td><span class="bar" style="width:{max(value, 0):.1f}%"></span><span>{shown}</span></td>'


def _mask_row(example: Example, class_names: Sequence[str]) -> str:
    figures = [_figure(_png(example.picture), "scene"), _figure(_png(_colored(example.truth)), "truth")]
    figures += [_figure(_png(_colored(labels)), name) for name, labels in example.predictions.items()]
    present = sorted({int(i) for i in example.truth.unique()})
    legend = "".join(
        f'<span class="chip"><i style="background:rgb{label_color(i)}"></i>{escape(class_names[i])}</span>'
        for i in present
    )
    return f'<div class="row">{"".join(figures)}</div><p class="legend">{legend}</p>'


def _heat_row(example: Example) -> str:
    figures = [_figure(_png(example.picture), "scene")]
    figures += [_figure(_png(_heated(example.picture, heat)), name) for name, heat in example.heats.items()]
    return f"<h3>“{escape(example.phrase)}”</h3><div class='row'>{''.join(figures)}</div>"


def _figure(source: str, caption: str) -> str:
    return f'<figure><img src="{source}" alt="{escape(caption)}"><figcaption>{escape(caption)}</figcaption></figure>'


def _colored(labels: Tensor) -> Image.Image:
    ids = labels.cpu().numpy()
    colors = np.array([label_color(i) for i in range(int(ids.max()) + 1)], dtype=np.uint8)
    return Image.fromarray(colors[ids])


def _heated(picture: Image.Image, heat: Tensor) -> Image.Image:
    grey = picture.convert("L").convert("RGB")
    return Image.blend(grey, Image.fromarray(heat_colors(heat.float().cpu().numpy())), 0.6)


def _png(image: Image.Image) -> str:
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def _parse_row(caption: str, objects: Sequence[str], attributes: Sequence[str]) -> str:
    tags = "".join(f'<span class="tag">{escape(tag)}</span>' for tag in objects)
    tags += "".join(f'<span class="tag attribute">{escape(tag)}</span>' for tag in attributes)
    return f"<tr><td>{escape(caption)}</td><td>{tags or '<i>no tag</i>'}</td></tr>"


def _kind(vocabulary: TagVocabulary, kind: str, most: int) -> list[tuple[str, int]]:
    rows = zip(vocabulary.names, vocabulary.kinds, vocabulary.counts, strict=True)
    return [(name, count) for name, k, count in rows if k == kind][:most]


def _cloud(vocabulary: TagVocabulary, kind: str, most: int = 60) -> str:
    """The most frequent tags, alphabetically, larger when more frequent (paper Fig. 4)."""
    rows = _kind(vocabulary, kind, most)
    if not rows:
        return "<i>none</i>"
    top = math.log1p(rows[0][1])
    return " ".join(
        f'<span style="font-size:{0.7 + 1.6 * math.log1p(count) / top:.2f}em" title="{count}">{escape(name)}</span>'
        for name, count in sorted(rows)
    )


def _curve(vocabulary: TagVocabulary) -> str:
    """Frequency by rank, both logarithmic (paper Fig. 5), as SVG."""
    width, height, left, bottom = 560, 240, 52, 34
    most = max(vocabulary.counts, default=1)
    ranks = max(len(_kind(vocabulary, kind, len(vocabulary))) for kind in ("object", "attribute"))

    def x(rank: float) -> float:
        return left + (width - left - 10) * math.log10(rank) / max(math.log10(max(ranks, 2)), 1e-9)

    def y(count: float) -> float:
        return (height - bottom) * (1 - math.log10(max(count, 1)) / max(math.log10(max(most, 2)), 1e-9)) + 8

    lines = []
    for kind in ("object", "attribute"):
        rows = _kind(vocabulary, kind, len(vocabulary))
        points = " ".join(f"{x(i + 1):.1f},{y(count):.1f}" for i, (_, count) in enumerate(rows))
        lines.append(f'<polyline class="{kind}" points="{points}"/>')
    marks = "".join(
        f'<text x="{x(10**p):.0f}" y="{height - 12}">{10**p:,}</text>'
        for p in range(int(math.log10(max(ranks, 1))) + 1)
    )
    marks += "".join(
        f'<text x="{left - 6}" y="{y(10**p) + 4:.0f}" text-anchor="end">{10**p:,}</text>'
        for p in range(int(math.log10(max(most, 1))) + 1)
    )
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="frequency by rank">{marks}{"".join(lines)}'
        f'<text x="{width - 10}" y="{height - 12}" text-anchor="end">rank</text><text x="4" y="14">count</text></svg>'
    )


def normalised(heat: Tensor) -> Tensor:
    """Min-max to [0, 1]; zeros for a constant map."""
    low, high = heat.min(), heat.max()
    return (heat - low) / (high - low) if bool(high > low) else torch.zeros_like(heat)
