"""The page of the demo: self-contained HTML with tables, masks, heat maps, tags and settings."""

import base64
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
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
    return PAGE.substitute(
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


PAGE = Template("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>tagalign demo</title><style>
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #5b6570; --paper: #fff; --line: #d9dee3; --bar: #dbe9fb; --accent: #0b62c4; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8ebee; --soft: #9aa5b1; --paper: #14181d; --line: #333b44; --bar: #1d3a5c;
  --accent: #7db7ff; } }
body { font: 16px/1.55 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 1080px; margin: 2rem auto;
  padding: 0 1rem; }
h1 { font-size: 1.9rem; margin-bottom: .2rem; } h2 { margin-top: 2.6rem; } h3 { font-size: 1rem; margin: 1.2rem 0 .3rem; }
p.lead, figcaption, .legend { color: var(--soft); }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid var(--line); position: relative; }
td span { position: relative; } td .bar { position: absolute; left: 0; top: 3px; bottom: 3px; background: var(--bar); z-index: 0;
  border-radius: 3px; }
.row { display: grid; grid-template-columns: repeat(auto-fill, minmax(112px, 1fr)); gap: .6rem; }
figure { margin: 0; } figure img { width: 100%; image-rendering: pixelated; border-radius: 6px; border: 1px solid var(--line); }
figcaption { font-size: .74rem; overflow-wrap: anywhere; line-height: 1.25; }
.chip { margin-right: 1rem; font-size: .85rem; white-space: nowrap; } .chip i { display: inline-block; width: .8em; height: .8em;
  border-radius: 3px; margin-right: .35em; }
.tag { display: inline-block; background: var(--bar); border-radius: 999px; padding: 0 .6em; margin: .1em .25em .1em 0;
  font-size: .88rem; }
.tag.attribute { background: none; border: 1px solid var(--accent); }
.cloud { line-height: 2; } .cloud span { margin-right: .4em; }
svg { width: 100%; max-width: 620px; } svg text { fill: var(--soft); font-size: 12px; } polyline { fill: none; stroke-width: 2;
  stroke: var(--accent); } polyline.attribute { stroke: #d9822b; }
pre { overflow-x: auto; background: color-mix(in srgb, var(--bar) 35%, transparent); padding: .8rem; border-radius: 8px;
  font-size: .85rem; }
.scroll { overflow-x: auto; }
</style></head><body>
<h1>tagalign demo</h1>
<p class="lead">Scenes with noisy alt text, no annotation. The captions were parsed into tags, three projectors were trained on a
frozen CLIP, and all rows were scored on scenes they never saw. All numbers are percent, on drawn scenes: they show that the
parts work together, and are no claim about photos.</p>
<h2>Segmentation</h2><div class="scroll">$segmentation</div>
<h2>Referring segmentation</h2><div class="scroll">$referring</div>
<h2>Masks</h2>$masks
<h2>Where is the phrase?</h2>$heats
<h2>From captions to tags</h2>
<div class="scroll"><table><thead><tr><th>alt text</th><th>objects, and attributes (outlined)</th></tr></thead>
<tbody>$parses</tbody></table></div>
<h3>Objects</h3><p class="cloud">$objects</p><h3>Attributes</h3><p class="cloud">$attributes</p>
<h3>How often a tag occurs, by rank (blue: objects, orange: attributes)</h3>$curve
<h2>Try it on your own photo</h2><pre>$command</pre>
<h2>Settings</h2><details><summary>everything this run was made with</summary><pre>$settings</pre></details>
</body></html>
""")
