"""A result as one self-contained HTML page: the number and its interval, classes, confusions, pictures, settings."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from importlib import resources

from tagalign.evaluate.results import Result, describe_method, number, title
from tagalign.evaluate.segmentation import Confusion

FIRST_CLASSES = 60  # bars shown at once; longer lists fold away their middle
WORST = 8
TAKEN_FOR = 4
_SHORT = {"iou": "IoU", "iou_unseen": "IoU of unseen classes,", "ap": "AP"}


@dataclass(frozen=True, kw_only=True)
class Picture:
    """An image of the gallery.

    Attributes:
        source: a ``data:`` URI, so that the page needs no other file.
        caption: what one sees.
        score: of this image alone, percent.
    """

    source: str
    caption: str
    score: float


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """A class and what its pixels were taken for.

    Attributes:
        name: of the class.
        right: share of its pixels that were found, in [0, 1].
        taken_for: the commonest other answers with their shares.
    """

    name: str
    right: float
    taken_for: tuple[tuple[str, float], ...]


def worst_confusions(confusion: Confusion, names: Sequence[str], *, count: int = WORST) -> list[Mistake]:
    """The classes with the lowest IoU among those that occur in the ground truth, worst first."""
    iou, totals = confusion.iou(), confusion.matrix.sum(1)
    present = [i for i in range(len(names)) if int(totals[i])]
    found = []
    for i in sorted(present, key=lambda i: float(iou[i]))[:count]:
        shares = (confusion.matrix[i].double() / float(totals[i])).tolist()
        others = sorted((j for j in range(len(names)) if j != i and shares[j]), key=lambda j: -shares[j])[
            :TAKEN_FOR
        ]
        found.append(
            Mistake(name=names[i], right=shares[i], taken_for=tuple((names[j], shares[j]) for j in others))
        )
    return found


def render_report(
    result: Result,
    *,
    mistakes: Sequence[Mistake] = (),
    best: Sequence[Picture] = (),
    worst: Sequence[Picture] = (),
) -> str:
    """The page.

    Args:
        result: what is shown.
        mistakes: from ``worst_confusions``; none for other kinds than segmentation.
        best: pictures of the images that went best.
        worst: pictures of those that went worst.
    """
    style = (resources.files("tagalign.evaluate") / "report.css").read_text(encoding="utf-8")
    name = f"{result.settings['benchmark']} · {describe_method(result)}"
    body = [
        _head(result),
        _metrics(result),
        *(_classes(kind, result.per_class[kind]) for kind in _shown(result)),
        _mistakes(mistakes),
        _gallery("Images that went worst", worst),
        _gallery("Images that went best", best),
        _settings(result),
    ]
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{escape(name)}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<style>{style}</style>\n</head>\n<body>\n<main>\n{''.join(part for part in body if part)}</main>\n"
        "</body>\n</html>\n"
    )


def _head(result: Result) -> str:
    ends = result.intervals.get(result.main)
    interval = f"<span>95 % interval {number(ends.low)} to {number(ends.high)}</span>" if ends else ""
    over = f"{result.settings['benchmark']} · {result.settings['split']} · {result.counted:,} {result.unit}"
    warning = ""
    if result.expected not in {0, result.counted}:
        warning = (
            f'<p class="warning">{result.counted:,} of {result.expected:,} {escape(result.unit)} were measured: this is '
            "no number of the benchmark.</p>"
        )
    if result.settings.get("limit") is not None:
        warning += f'<p class="warning">Only the first {result.settings["limit"]:,} images (--limit).</p>'
    return f"""<header>
<p class="over">{escape(over)}</p>
<h1>{escape(describe_method(result))}</h1>
<p class="headline"><strong>{number(result.value)}</strong> <em>{escape(title(result.main))}, percent</em>{interval}</p>
{warning}</header>
"""


def _metrics(result: Result) -> str:
    rows = []
    for name, value in result.metrics.items():
        ends = result.intervals.get(name)
        span = f"{number(ends.low, 2)} to {number(ends.high, 2)}" if ends else ""
        rows.append(f"<tr><th>{escape(title(name))}</th><td>{number(value, 2)}</td><td>{span}</td></tr>")
    return (
        "<section><h2>Metrics</h2>\n<table><thead><tr><th>metric</th><td>percent</td><td>95 % interval over images</td></tr>"
        f"</thead><tbody>{''.join(rows)}</tbody></table></section>\n"
    )


def _shown(result: Result) -> list[str]:
    """Which tables become bars: the first one, after the unseen classes where there are such."""
    return [kind for kind in ("iou_unseen", *list(result.per_class)[:1]) if kind in result.per_class]


def _classes(kind: str, table: dict[str, float]) -> str:
    known = sorted((item for item in table.items() if not math.isnan(item[1])), key=lambda item: -item[1])
    absent = [name for name, value in table.items() if math.isnan(value)]
    bars = [_bar(name, value) for name, value in known]
    half = FIRST_CLASSES // 2
    if len(bars) > FIRST_CLASSES:
        middle = "".join(bars[half:-half])
        fold = f'<details><summary>{len(bars) - 2 * half} more</summary><div class="bars">{middle}</div></details>'
        shown = f'<div class="bars">{"".join(bars[:half])}</div>{fold}<div class="bars">{"".join(bars[-half:])}</div>'
    else:
        shown = f'<div class="bars">{"".join(bars)}</div>'
    note = f'<p class="note">Do not occur: {escape(", ".join(absent))}</p>' if absent else ""
    return f"<section><h2>{escape(_SHORT.get(kind, kind))} per class</h2>\n{shown}{note}</section>\n"


def _bar(name: str, value: float) -> str:
    width = max(0.0, min(100.0, value))
    return (
        f'<div class="bar"><span class="name" title="{escape(name)}">{escape(name)}</span>'
        f'<span class="track"><i style="width:{width:.2f}%"></i></span><b>{number(value)}</b></div>'
    )


def _mistakes(mistakes: Sequence[Mistake]) -> str:
    if not mistakes:
        return ""
    rows = []
    for mistake in mistakes:
        parts = [("right", "", mistake.right)] + [
            (f"c{i}", name, share) for i, (name, share) in enumerate(mistake.taken_for)
        ]
        rest = max(0.0, 1 - sum(share for _, _, share in parts))
        segments = "".join(
            f'<i class="{kind}" style="width:{100 * share:.2f}%" title="{escape(name or "found")} {100 * share:.1f} %"></i>'
            for kind, name, share in [*parts, ("rest", "all others", rest)]
        )
        words = ", ".join(
            f'<span class="key {kind}"></span>{escape(name)} {100 * share:.0f} %'
            for kind, name, share in parts[1:]
        )
        rows.append(
            f'<div class="mistake"><span class="name">{escape(mistake.name)}</span><span class="track">{segments}</span>'
            f"<b>{100 * mistake.right:.0f} %</b><p>{words or 'never taken for another class'}</p></div>"
        )
    return (
        "<section><h2>What the worst classes are taken for</h2>\n"
        '<p class="note">Shares of the true pixels of each class; the first part of a bar was found.</p>'
        f"{''.join(rows)}</section>\n"
    )


def _gallery(heading: str, pictures: Sequence[Picture]) -> str:
    if not pictures:
        return ""
    figures = "".join(
        f'<figure><img src="{picture.source}" alt="{escape(picture.caption)}" loading="lazy">'
        f"<figcaption><b>{number(picture.score)}</b> {escape(picture.caption)}</figcaption></figure>"
        for picture in pictures
    )
    return f'<section><h2>{escape(heading)}</h2>\n<div class="gallery">{figures}</div></section>\n'


def _settings(result: Result) -> str:
    groups = {"Model": result.model, "Settings": result.settings, "Versions": result.versions}
    tables = []
    for name, values in groups.items():
        rows = "".join(
            f"<tr><th>{escape(str(key))}</th><td>{escape(_plain(value))}</td></tr>"
            for key, value in values.items()
        )
        tables.append(f"<h3>{name}</h3><table class='facts'><tbody>{rows}</tbody></table>")
    return (
        f"<section><h2>How this was measured</h2>\n{''.join(tables)}"
        f'<p class="note">Written {escape(result.created)}. Numbers are percent. mIoU sums pixels over all images before '
        "it divides.</p></section>\n"
    )


def _plain(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 600 else f"{text[:600]}…"
