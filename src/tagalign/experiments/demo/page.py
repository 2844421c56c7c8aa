"""The page of the demo: what tags bought, pictures of it, tables, tags and settings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from tagalign.experiments.demo.examples import DemoExample
from tagalign.experiments.demo.pictures import heats, masks
from tagalign.experiments.demo.regime import CAPTIONS, FROZEN, SAYS, TAGS
from tagalign.experiments.scoring import RowScores
from tagalign.json_text import json_text
from tagalign.pages.document import code, document, fold, joined, note, section
from tagalign.pages.tables import bar, bars, chip, over_bar, table
from tagalign.pages.vocabulary import cloud_svg, frequency_svg
from tagalign.tags.vocabulary import TagVocabulary

MAIN = "miou_objects"
"""Of the first answer: objects against one background by threshold."""
TABLES = {
    "segmentation": (
        (MAIN, "mIoU, objects"),
        ("miou", "mIoU, all classes"),
        ("pixel_accuracy", "pixel accuracy"),
    ),
    "referring": (("miou", "mIoU"), ("overall_iou", "overall IoU"), ("precision_50", "precision@0.5")),
}
MASKS_NOTE = (
    "The first crowded test scenes, not chosen. Each object of the scene has one colour across its row, every label that is "
    "not in the scene is dark, and the background, which each row sets by a threshold from other scenes, is plain."
)
CLASSES_NOTE = (
    "Objects: 28 kinds and one background by threshold, the paper's main column. All classes: objects and six backgrounds "
    "by name, no threshold; training on captions and tags, which are mostly objects, costs the names of backgrounds."
)


@dataclass(frozen=True, kw_only=True)
class ParsedText:
    """A caption and its tags."""

    caption: str
    objects: Sequence[str]
    attributes: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Told:
    """What the page says in words.

    Attributes:
        regime: one sentence.
        settings: of the run.
        command: what to try on one's own photo.
    """

    regime: str
    settings: Mapping[str, Any]
    command: str


def render_demo(
    scores: Mapping[str, RowScores],
    examples: Sequence[DemoExample],
    vocabulary: TagVocabulary,
    parses: Sequence[ParsedText],
    told: Told,
) -> str:
    """The whole page.

    Args:
        scores: by row name, in the order of the tables, the frozen row first.
        examples: a handful of scenes.
        vocabulary: the tags with counts.
        parses: a few captions.
        told: the words.
    """
    return document(
        "tagalign demo",
        Markup('<header><h1>{}</h1><p class="lead">{}</p></header>\n').format(headline(scores), told.regime),
        section("mIoU of objects on scenes that no training saw", _main_bars(scores)),
        section("Masks", note(MASKS_NOTE if examples else ""), *map(masks, examples)),
        section("Segmentation", score_table(scores, "segmentation"), note(CLASSES_NOTE)),
        section("Referring segmentation", score_table(scores, "referring")),
        section("Where is the phrase?", *(heats(example) for example in examples if example.phrase)),
        section("From captions to tags", _captions(parses)),
        section("The tags", cloud_svg(vocabulary)),
        section("How often a tag occurs, by rank", frequency_svg(vocabulary)),
        section("Try it on your own photo", code(told.command)),
        section("Settings", fold("everything this run was made with", code(_json(told.settings)))),
    )


def headline(scores: Mapping[str, RowScores]) -> str:
    """What tags bought, in one line: percent of mIoU for objects.

    One run: what holds over seeds is in the results, not here.
    """
    frozen, captions, tags = (scores[name].segmentation[MAIN] for name in (FROZEN, CAPTIONS, TAGS))
    gain = tags - captions
    bought = f"Tags bought {gain:+.1f}" if gain > 0 else f"Tags bought nothing ({gain:+.1f})"
    return f"{bought} points of mIoU: frozen CLIP {frozen:.1f}, captions {captions:.1f}, captions and tags {tags:.1f}"


def _main_bars(scores: Mapping[str, RowScores]) -> Markup:
    most = max(row.segmentation[MAIN] for row in scores.values()) or 1.0
    lines = [
        bar(name, row.segmentation[MAIN] / most, f"{row.segmentation[MAIN]:.1f}")
        for name, row in scores.items()
    ]
    said = "; ".join(f"{name}: {SAYS[name]}" for name in scores if name in SAYS)
    return joined([bars(lines), note(f"{said}. One seed, drawn scenes: no claim about photos.")])


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


def _captions(parses: Sequence[ParsedText]) -> Markup:
    rows = []
    for parse in parses:
        tags = [chip(tag) for tag in parse.objects] + [chip(tag, "attribute") for tag in parse.attributes]
        rows.append((parse.caption, joined(tags, " ") or "no tag"))
    return table(("alt text", "objects (blue) and attributes (green)"), rows, kind="sentences")
