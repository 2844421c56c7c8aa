"""A result as one page: the number and its interval, classes, confusions, pictures, settings."""

import math
from collections.abc import Mapping, Sequence

from markupsafe import Markup

from tagalign.evaluate.mistakes import Mistake
from tagalign.evaluate.results import Result, describe_method, number, title
from tagalign.json_text import json_text
from tagalign.pages.best_and_worst import Picture
from tagalign.pages.document import document, fold, joined, note, section, warning
from tagalign.pages.pictures import figure, gallery
from tagalign.pages.tables import bar, bars, facts, table, track

FIRST_CLASSES = 60  # bars shown at once; longer lists fold away their middle
LONGEST_FACT = 600  # characters of a setting; label lists of a thousand names are in result.json
_SHORT = {"iou": "IoU", "iou_unseen": "IoU of unseen classes,", "ap": "AP"}


def render_evaluation(
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
    return document(
        f"{result.settings['benchmark']} · {describe_method(result)}",
        _head(result),
        _metrics(result),
        *(_classes(kind, result.per_class[kind]) for kind in _shown(result)),
        _mistakes(mistakes),
        _gallery("Images that went worst", worst),
        _gallery("Images that went best", best),
        _settings(result),
    )


def _head(result: Result) -> Markup:
    ends = result.intervals.get(result.main)
    interval = f"95 % interval {number(ends.low)} to {number(ends.high)}" if ends else ""
    over = f"{result.settings['benchmark']} · {result.settings['split']} · {result.counted:,} {result.unit}"
    return Markup(
        '<header>\n<p class="over">{}</p>\n<h1>{}</h1>\n'
        '<p class="headline"><strong>{}</strong> <em>{}, percent</em><span>{}</span></p>\n{}</header>\n'
    ).format(
        over, describe_method(result), number(result.value), title(result.main), interval, _warnings(result)
    )


def _warnings(result: Result) -> Markup:
    """Why the number is not the benchmark's, where it is not."""
    found = []
    if result.expected not in {0, result.counted}:
        found.append(
            f"{result.counted:,} of {result.expected:,} {result.unit} were measured: this is no number of the benchmark."
        )
    if result.settings.get("limit") is not None:
        found.append(f"Only the first {result.settings['limit']:,} images (--limit).")
    return joined(map(warning, found))


def _metrics(result: Result) -> Markup:
    rows = []
    for name, value in result.metrics.items():
        ends = result.intervals.get(name)
        span = f"{number(ends.low, 2)} to {number(ends.high, 2)}" if ends else ""
        rows.append((title(name), number(value, 2), span))
    return section("Metrics", table(("metric", "percent", "95 % interval over images"), rows, numbers=(1, 2)))


def _shown(result: Result) -> list[str]:
    """Which tables become bars: the first one, after the unseen classes where there are such."""
    return [kind for kind in ("iou_unseen", *list(result.per_class)[:1]) if kind in result.per_class]


def _classes(kind: str, values: Mapping[str, float]) -> Markup:
    known = sorted((item for item in values.items() if not math.isnan(item[1])), key=lambda item: -item[1])
    absent = [name for name, value in values.items() if math.isnan(value)]
    lines = [bar(name, value / 100, number(value)) for name, value in known]
    half = FIRST_CLASSES // 2
    if len(lines) > FIRST_CLASSES:
        middle = fold(f"{len(lines) - 2 * half} more", bars(lines[half:-half]))
        shown = joined([bars(lines[:half]), middle, bars(lines[-half:])])
    else:
        shown = bars(lines)
    tail = note(f"Do not occur: {', '.join(absent)}") if absent else ""
    return section(f"{_SHORT.get(kind, kind)} per class", shown, tail)


def _mistakes(mistakes: Sequence[Mistake]) -> Markup:
    if not mistakes:
        return Markup()
    return section(
        "What the worst classes are taken for",
        note("Shares of the true pixels of each class; the first part of a bar was found."),
        *map(_mistake, mistakes),
    )


def _mistake(mistake: Mistake) -> Markup:
    others = [(share, f"c{i}", name) for i, (name, share) in enumerate(mistake.taken_for)]
    parts = [(mistake.right, "right", "found"), *others]
    parts.append((1 - sum(share for share, _, _ in parts), "rest", "all others"))
    words = joined(
        Markup('<span class="key"><i class="{}"></i>{} {:.0f} %</span>').format(kind, name, 100 * share)
        for share, kind, name in others
    )
    return Markup(
        '<div class="mistake"><span class="name">{}</span>{}<b>{:.0f} %</b><p>{}</p></div>\n'
    ).format(
        mistake.name,
        track((share, kind, f"{name} {100 * share:.1f} %") for share, kind, name in parts),
        100 * mistake.right,
        words or "never taken for another class",
    )


def _gallery(heading: str, pictures: Sequence[Picture]) -> Markup:
    if not pictures:
        return Markup()
    figures = (
        figure(
            picture.source,
            Markup("<b>{}</b> {}").format(number(picture.score), picture.caption),
            alt=picture.caption,
        )
        for picture in pictures
    )
    return section(heading, gallery(figures, kind="large"))


def _settings(result: Result) -> Markup:
    groups = {"Model": result.model, "Settings": result.settings, "Versions": result.versions}
    parts = [
        joined([Markup("<h3>{}</h3>").format(name), facts((k, _plain(v)) for k, v in values.items())])
        for name, values in groups.items()
    ]
    tail = (
        f"Written {result.created}. Numbers are percent. mIoU sums pixels over all images before it divides."
    )
    return section("How this was measured", *parts, note(tail))


def _plain(value: object) -> str:
    text = value if isinstance(value, str) else json_text(value, ensure_ascii=False, default=str)
    return text if len(text) <= LONGEST_FACT else f"{text[:LONGEST_FACT]}…"
