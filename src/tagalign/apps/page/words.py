"""Texts and small pieces of HTML on the page, escaped by the rule of all our pages (``tagalign.pages.document``)."""

import math

from markupsafe import Markup

from tagalign.apps.page.studio import Shown, StudioPhoto
from tagalign.pages.document import joined
from tagalign.tasks.photos.keys import printable
from tagalign.types import Caption, Referring, Tagging

TINY_NOTICE = (
    "**This is `tiny`, which knows drawn scenes only.** Use the examples, or start the page with "
    "`--model openai/clip-vit-base-patch16` for photos."
)
WRITER_KNOWN = "One sentence, by `tag2text`, about the tags that it recognises or about yours."
WRITER_MISSING = (
    "Needs a model that writes sentences: `--model FOLDER` of `tagalign train --method tag2text`."
)
SHOWN_TAGS = 12


def status(view: Shown) -> str:
    """What was computed, and how long it took."""
    return f"{_encoding(view.opened)} · tags and masks of {len(view.labels.names)} labels: {view.answer_ms:.0f} ms"


def refusal(error: Exception) -> str:
    """What cannot be and what to do, in one line."""
    text = " ".join(printable(str(error)).split())
    return str(Markup('<span class="refusal" role="alert">{}</span>').format(text))


def _encoding(opened: StudioPhoto) -> Markup:
    size = Markup("{}, {} × {}").format(opened.name, opened.image.width, opened.image.height)
    if opened.from_memory:
        return Markup("{}, from memory: 0 ms (encoded once in {:.0f} ms)").format(size, opened.encode_ms)
    return Markup("{}, encoded in {:.0f} ms").format(size, opened.encode_ms)


def tag_bars(tagging: Tagging | None) -> str:
    """Scores as bars, best first; labels that were not chosen are pale."""
    if tagging is None:
        return "<p>This method does not tag.</p>"
    chosen = frozenset(tagging.tags)
    rows = joined(_bar(name, score, name in chosen) for name, score in tagging.top(SHOWN_TAGS))
    more = len(tagging.names) - min(len(tagging.names), SHOWN_TAGS)
    tail = f"<p>and {more} more</p>" if more else ""
    return f'<div class="tags" role="list">{rows}</div>{tail}'


def _bar(name: str, score: float, chosen: bool) -> Markup:
    kind, words = ("on", "chosen") if chosen else ("off", "not chosen")
    return Markup(
        '<b class="{0}">{1}</b><span class="bar {0}" role="img" aria-label="{2}"><i style="width:{3:.0f}%"></i></span>'
        '<span class="{0}">{4:.2f}</span>'
    ).format(kind, name, words, 100 * max(0.0, min(1.0, score)), score)


def heat_scale(name: str) -> str:
    """The name of a heat map and its colours."""
    return str(Markup('<div class="scale"><b>{}</b> 0 <i></i> 1</div>').format(name))


def phrase_note(found: Referring) -> str:
    """What was found for a phrase, in words."""
    if found.box is None:
        return f"Nothing found (best score {found.score:.2f})."
    left, top, right, bottom = found.box
    return f"Score {found.score:.2f}, box from ({left}, {top}) to ({right}, {bottom}) in pixels."


def caption_text(caption: Caption) -> str:
    """A sentence with the tags that guided it; a word outside the model's list has no score."""
    tags = ", ".join(
        name if math.isnan(score) else f"{name} {score:.2f}" for name, score in caption.tags.items()
    )
    guided = Markup("<p>guided by: {}</p>").format(tags) if tags else ""
    return str(Markup("<p><b>{}</b></p>{}").format(caption.text, guided))
