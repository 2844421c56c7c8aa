"""What a list of labels says while it is typed: how many there are, what is wrong and on which line, what to think about."""

from typing import Any

import gradio as gr
from markupsafe import Markup

from tagalign.apps.page.studio import typed_labels
from tagalign.apps.page.texts import say
from tagalign.apps.page.words import refusal
from tagalign.errors import TagalignError
from tagalign.labels import LabelSet
from tagalign.pages.document import joined
from tagalign.tags.label_sets import FILE_ENDINGS, load_label_set
from tagalign.tags.label_words import word_problems

MOST_CHECKED = 2000
"""Longer lists are counted only: what is said while one types must not be waited for."""
MOST_NOTES = 3


def labels_box(labels: str, elem_id: str) -> Any:
    """The field for labels with what is said about them below, inside the page that is being built."""
    names = gr.Textbox(
        labels, label=say("look.labels"), info=say("look.labels_hint"), max_lines=6, elem_id=elem_id
    )
    said = gr.HTML(label_note(labels), elem_id=f"{elem_id}-note", container=False)
    # one answer at a time, the last text last: a fast typist is not answered letter by letter
    # a change, not an input: suggestions that are checked change the list too
    names.change(
        label_note, names, said, show_progress="hidden", trigger_mode="always_last", api_visibility="private"
    )
    return names


def label_note(text: str) -> str:
    """HTML: how many labels, or why they are refused; and up to ``MOST_NOTES`` things to think about."""
    if text.strip().lower().endswith(FILE_ENDINGS):
        return _said(say("notes.file"))
    try:
        labels = load_label_set(typed_labels(text))
    except TagalignError as error:
        return _said(Markup(refusal(error)))  # noqa: S704 - escaped there
    notes = [one.text for one in word_problems(labels)] if len(labels) <= MOST_CHECKED else []
    return _said(counts(labels), notes)


def counts(labels: LabelSet) -> str:
    """How many labels and words there are.

    >>> from tagalign.labels import Label
    >>> counts(LabelSet(name="custom", labels=(Label(name="cup", aliases=("mug",)), Label(name="sky"))))
    '2 labels · 1 other word'
    """
    groups = dict.fromkeys(label.group for label in labels.labels if label.group is not None)
    numbers = (
        (len(labels), "notes.label"),
        (sum(len(label.aliases) for label in labels.labels), "notes.word"),
        (sum(len(label.negatives) for label in labels.labels), "notes.excluded"),
        (len(groups), "notes.group"),
    )
    return " · ".join(say(key if n == 1 else f"{key}_many", number=n) for n, key in numbers if n)


def _said(line: str | Markup, notes: list[str] | None = None) -> str:
    notes = notes or []
    shown = [
        *notes[:MOST_NOTES],
        *([say("notes.more", number=len(notes) - MOST_NOTES)] if len(notes) > MOST_NOTES else []),
    ]
    items = joined(Markup("<li>{}</li>").format(one) for one in shown)
    tail = Markup("<ul>{}</ul>").format(items) if shown else Markup()
    return str(Markup('<div class="label-note" aria-live="polite">{}{}</div>').format(line, tail))
