"""Texts and small pieces of HTML on the page, escaped by the rule of all our pages (``tagalign.pages.document``)."""

import math

from markupsafe import Markup, escape

from tagalign.apps.page.studio import Shown, StudioPhoto
from tagalign.apps.page.texts import say
from tagalign.pages.document import joined
from tagalign.tasks.photos.keys import printable
from tagalign.types import Caption, Referring, Tagging

SHOWN_TAGS = 12


def status(view: Shown) -> str:
    """What was computed, and how long it took."""
    return say(
        "look.answered", photo=_encoding(view.opened), labels=len(view.labels.names), ms=view.answer_ms
    )


def refusal(error: Exception) -> str:
    """What cannot be and what to do, in one line."""
    text = " ".join(printable(str(error)).split())
    return str(Markup('<span class="refusal" role="alert">{}</span>').format(text))


def _encoding(opened: StudioPhoto) -> str:
    width, height = opened.size
    photo = say(
        "look.whole" if opened.is_whole else "look.shrunk",
        photo=escape(opened.name),
        width=width,
        height=height,
        shown_width=opened.image.width,
        shown_height=opened.image.height,
    )
    return say("look.from_memory" if opened.from_memory else "look.encoded", photo=photo, ms=opened.encode_ms)


def tag_bars(tagging: Tagging | None) -> str:
    """Scores as bars, best first; labels that were not chosen are pale."""
    if tagging is None:
        return str(Markup("<p>{}</p>").format(say("look.no_tags")))
    chosen = frozenset(tagging.tags)
    rows = joined(_bar(name, score, name in chosen) for name, score in tagging.top(SHOWN_TAGS))
    more = len(tagging.names) - min(len(tagging.names), SHOWN_TAGS)
    tail = Markup("<p>{}</p>").format(say("look.more_tags", number=more)) if more else ""
    return str(
        Markup('<div class="tags" role="group" aria-label="{}">{}</div>{}').format(
            say("look.tags"), rows, tail
        )
    )


def _bar(name: str, score: float, chosen: bool) -> Markup:
    kind, words = ("on", say("look.chosen")) if chosen else ("off", say("look.not_chosen"))
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
        return say("look.nothing_found", score=found.score)
    left, top, right, bottom = found.box
    return say("look.found", score=found.score, left=left, top=top, right=right, bottom=bottom)


def caption_text(caption: Caption) -> str:
    """A sentence with the tags that guided it; a word outside the model's list has no score."""
    tags = ", ".join(
        name if math.isnan(score) else f"{name} {score:.2f}" for name, score in caption.tags.items()
    )
    guided = Markup("<p>{}</p>").format(say("look.guided", tags=tags)) if tags else ""
    return str(Markup("<p><b>{}</b></p>{}").format(caption.text, guided))
