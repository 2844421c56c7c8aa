"""Texts and small pieces of HTML on the page; every name a person typed is escaped."""

import math
from html import escape

from tagalign.apps.page.studio import Opened, View
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


def status(view: View) -> str:
    """What was computed, and how long it took."""
    return f"{_encoding(view.opened)} · tags and masks of {len(view.labels.names)} labels: {view.answer_ms:.0f} ms"


def _encoding(opened: Opened) -> str:
    height, width = opened.image.height, opened.image.width
    size = f"{escape(opened.name)}, {width} × {height}"
    if opened.from_memory:
        return f"{size}, from memory: 0 ms (encoded once in {opened.encode_ms:.0f} ms)"
    return f"{size}, encoded in {opened.encode_ms:.0f} ms"


def tag_bars(tagging: Tagging | None) -> str:
    """Scores as bars, best first; labels that were not chosen are pale."""
    if tagging is None:
        return "<p>This method does not tag.</p>"
    chosen = frozenset(tagging.tags)
    rows = [_bar(name, score, name in chosen) for name, score in tagging.top(SHOWN_TAGS)]
    more = len(tagging.names) - len(rows)
    tail = f"<p>and {more} more</p>" if more > 0 else ""
    return f'<div class="tags" role="list">{"".join(rows)}</div>{tail}'


def _bar(name: str, score: float, chosen: bool) -> str:
    kind, words = ("on", "chosen") if chosen else ("off", "not chosen")
    width = max(0.0, min(1.0, score))
    return (
        f'<b class="{kind}">{escape(name)}</b><span class="bar {kind}" role="img" aria-label="{words}">'
        f'<i style="width:{100 * width:.0f}%"></i></span><span class="{kind}">{score:.2f}</span>'
    )


def heat_scale(name: str) -> str:
    """The name of a heat map and its colours."""
    return f'<div class="scale"><b>{escape(name)}</b> 0 <i></i> 1</div>'


def phrase_note(found: Referring) -> str:
    """What was found for a phrase, in words."""
    if found.box is None:
        return f"Nothing found (best score {found.score:.2f})."
    left, top, right, bottom = found.box
    return f"Score {found.score:.2f}, box from ({left}, {top}) to ({right}, {bottom}) in pixels."


def caption_text(caption: Caption) -> str:
    """A sentence with the tags that guided it."""
    tags = ", ".join(
        escape(name)
        if math.isnan(score)
        else f"{escape(name)} {score:.2f}"  # a word outside the model's list
        for name, score in caption.tags.items()
    )
    return f"<p><b>{escape(caption.text)}</b></p>" + (f"<p>guided by: {tags}</p>" if tags else "")
