"""The summary of a labelling run as one page: how often each label was given, and the photos to look at first."""

from collections.abc import Callable, Sequence

from markupsafe import Markup
from PIL import Image

from tagalign.errors import TagalignError
from tagalign.ops.alike import ALIKE
from tagalign.pages.document import document, joined, note, section
from tagalign.pages.drawings import histogram
from tagalign.pages.pictures import data_uri, figure, gallery
from tagalign.pages.tables import facts, table, track
from tagalign.tasks.label_summary import Doubt, Summary

THUMBNAIL = 160
SHOWN_LABELS = 300
ORDERS: dict[tuple[str, str], str] = {
    ("errors", "tag"): "the most labels likely to be wrong, by how near scores are to the threshold",
    ("entropy", "tag"): "the scores most alike (entropy of their shares, in nats)",
    ("margin", "tag"): "the smallest margin between the lowest chosen and the highest other score",
    ("disagreement", "tag"): "the most labels that the second answer sees otherwise",
    ("entropy", "segment"): "the winning scores nearest to a half (mean entropy, in nats)",
    ("margin", "segment"): "the lowest mean of the winning scores",
    ("disagreement", "segment"): "the largest share of pixels that the second answer sees otherwise",
}

Opener = Callable[[str], Image.Image]


def render_labelling(
    summary: Summary, *, title: str, details: Sequence[tuple[str, str]], opener: Opener
) -> str:
    """The page.

    Args:
        summary: of the run.
        title: its heading.
        details: what the run was: pairs of a word and a value.
        opener: from a key to its image; one that raises shows the name alone.
    """
    images = "image" if summary.images == 1 else "images"
    counts = f"{summary.images:,} {images} labelled, {summary.failed:,} failed, {summary.untagged:,} without any label."
    shown = summary.doubts()
    doubts = f"Images to check first: {ORDERS[summary.order, summary.kind]}." if summary.order else ""
    if any(doubt.alike for doubt in shown):
        doubts += f" Images that are nearly the same (cosine at least {ALIKE}) are shown once."
    return document(
        title,
        Markup('<header><h1>{}</h1><p class="lead">{}</p></header>\n').format(title, counts),
        section("The run", facts(details)),
        section("Labels", _labels(summary)),
        section(
            "Look here first",
            note(doubts),
            gallery(_doubt(doubt, summary.order or "", opener) for doubt in shown),
        ),
    )


def _labels(summary: Summary) -> Markup:
    order = sorted(range(len(summary.names)), key=lambda i: -summary.counts[i])
    most = max(summary.counts, default=0) or 1
    what = "score, all images" if summary.kind == "tag" else "share of the pixels"
    rows = [
        (
            summary.names[i],
            f"{summary.counts[i]:,}",
            track([(summary.counts[i] / most, "", "")]),
            histogram(summary.histograms[i]),
        )
        for i in order[:SHOWN_LABELS]
    ]
    shown = table(("label", "images", "", f"{what} (0 to 1, heights logarithmic)"), rows, numbers=(1,))
    more = len(order) - SHOWN_LABELS
    return joined([shown, note(f"and {more:,} more labels") if more > 0 else ""])


def _doubt(doubt: Doubt, order: str, opener: Opener) -> Markup:
    words = Markup("<b>{}</b><br>{} {:.3f}<br>{}").format(
        ", ".join(doubt.tags) or "none", order, doubt.value, doubt.key
    )
    if doubt.alike:
        words += Markup("<br>and {:,} nearly the same").format(doubt.alike)
    return figure(_thumbnail(doubt.key, opener), words)


def _thumbnail(key: str, opener: Opener) -> str:
    try:
        image = opener(key)
    except TagalignError:
        return ""
    return data_uri(image, max_side=THUMBNAIL)
