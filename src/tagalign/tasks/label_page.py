"""The summary of a labelling run as one HTML file: no script, no other file, pictures inside."""

import base64
import html
import io
from collections.abc import Callable, Sequence

from PIL import Image

from tagalign.errors import TagalignError
from tagalign.tasks.label_summary import BINS, Summary

THUMBNAIL = 160
SHOWN_LABELS = 300
MARGINS = {
    "tag": "between the lowest chosen and the highest other score",
    "segment": "the mean of the winning scores",
}
STYLE = """
:root{color-scheme:light dark;--ink:#222;--pale:#555;--line:#e5e5e5;--paper:#fff;--mark:#3b6fb6}
@media(prefers-color-scheme:dark){:root{--ink:#e6e6e6;--pale:#a9a9a9;--line:#3a3a3a;--paper:#16181c;--mark:#6b9be0}}
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:1100px;padding:0 1rem}
body{color:var(--ink);background:var(--paper)}
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.2rem .6rem;border-bottom:1px solid var(--line)}
td.n{text-align:right;font-variant-numeric:tabular-nums}.bar{background:var(--mark);height:.7rem;border-radius:2px}
.sheet{display:grid;grid-template-columns:repeat(auto-fill,minmax(160px,1fr));gap:1rem}.sheet figure{margin:0}
.sheet img{max-width:100%;height:auto;border-radius:3px}
.sheet figcaption{font-size:.8rem;overflow-wrap:anywhere;color:var(--pale)}
.sheet b{color:var(--ink)}rect{fill:var(--mark)}
"""

Opener = Callable[[str], Image.Image]


def render_page(summary: Summary, *, title: str, details: Sequence[tuple[str, str]], opener: Opener) -> str:
    """The page.

    Args:
        summary: of the run.
        title: its heading.
        details: what the run was: pairs of a word and a value.
        opener: from a key to its image; one that raises shows the name alone.
    """
    parts = [
        f"<h1>{_text(title)}</h1>",
        f"<p>{summary.images:,} images labelled, {summary.failed:,} failed, {summary.untagged:,} without any label.</p>",
        _details(details),
        "<h2>Labels</h2>",
        _labels(summary),
        "<h2>Look here first</h2>",
        f"<p>Images whose choice was least clear, least clear first; margin: {MARGINS[summary.kind]}.</p>",
        _sheet(summary, opener),
    ]
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{_text(title)}</title>'
        f"<style>{STYLE}</style><body>{''.join(parts)}</body></html>\n"
    )


def _text(value: object) -> str:
    return html.escape(str(value))


def _details(details: Sequence[tuple[str, str]]) -> str:
    rows = "".join(f"<tr><th>{_text(k)}</th><td>{_text(v)}</td></tr>" for k, v in details)
    return f"<table>{rows}</table>"


def _labels(summary: Summary) -> str:
    order = sorted(range(len(summary.names)), key=lambda i: -summary.counts[i])
    most = max(summary.counts, default=0) or 1
    what = "score, all images" if summary.kind == "tag" else "share of the pixels"
    rows = [
        f"<tr><td>{_text(summary.names[i])}</td><td class=n>{summary.counts[i]:,}</td>"
        f'<td style="width:35%"><div class=bar style="width:{100 * summary.counts[i] / most:.1f}%"></div></td>'
        f"<td>{_histogram(summary.histograms[i])}</td></tr>"
        for i in order[:SHOWN_LABELS]
    ]
    more = f"<p>and {len(order) - SHOWN_LABELS:,} more labels</p>" if len(order) > SHOWN_LABELS else ""
    head = f"<tr><th>label</th><th>images</th><th></th><th>{what} (0 to 1, heights logarithmic)</th></tr>"
    return f"<table>{head}{''.join(rows)}</table>{more}"


def _histogram(counts: Sequence[int]) -> str:
    """Bars of logarithmic height: most scores of most labels are near 0, and the rest is what one wants to see."""
    heights = [count.bit_length() for count in counts]
    top = max(heights, default=0) or 1
    bars = "".join(
        f'<rect x="{6 * i}" y="{24 - 24 * h / top:.1f}" width="5" height="{24 * h / top:.1f}"/>'
        for i, h in enumerate(heights)
        if h
    )
    return f'<svg width="{6 * BINS}" height="24" role="img">{bars}</svg>'


def _sheet(summary: Summary, opener: Opener) -> str:
    figures = []
    for doubt in summary.doubts():
        picture = _thumbnail(doubt.key, opener)
        words = ", ".join(doubt.tags) or "none"
        figures.append(
            f"<figure>{picture}<figcaption><b>{_text(words)}</b><br>"
            f"margin {doubt.margin:.3f}<br>{_text(doubt.key)}</figcaption></figure>"
        )
    return f'<div class="sheet">{"".join(figures)}</div>'


def _thumbnail(key: str, opener: Opener) -> str:
    try:
        image = opener(key)
    except TagalignError:
        return ""
    image.thumbnail((THUMBNAIL, THUMBNAIL))
    buffer = io.BytesIO()
    image.save(buffer, format="JPEG", quality=80)
    code = base64.b64encode(buffer.getvalue()).decode()
    return f'<img alt="" width="{image.width}" height="{image.height}" src="data:image/jpeg;base64,{code}">'
