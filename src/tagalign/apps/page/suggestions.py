"""Labels for a photo that nobody typed yet: the best of a thousand things, to be checked into the list."""

from collections.abc import Sequence
from typing import Any

import gradio as gr

from tagalign.apps.page.choice import MethodChoice
from tagalign.apps.page.pictures import SCREEN_SIDE
from tagalign.apps.page.question import TabQuestion
from tagalign.apps.page.studio import Studio
from tagalign.apps.page.texts import say
from tagalign.tags.label_lines import is_plain
from tagalign.tags.same_label import split_names


def add_suggestions(studio: Studio, names: Any) -> tuple[TabQuestion, Any]:
    """The button and the boxes below the field of labels, inside the page that is being built; and the event of a check."""
    go = gr.Button(say("look.suggest_go"), size="sm", elem_id="look-suggest")
    offered = gr.State([])
    boxes = gr.CheckboxGroup(label=say("look.suggest"), visible=False, elem_id="look-suggested")

    def suggest(path: str | None, text: str, choice: MethodChoice) -> tuple[Any, list[str]]:
        found = studio.suggest(path, choice, most=SCREEN_SIDE)
        known = _names(text)
        checked = [one for one in found if one in known]
        return gr.update(choices=found, value=checked, visible=True), found

    checked = boxes.input(
        lambda chosen, all_, text: with_suggestions(text, chosen, all_),
        [boxes, offered, names],
        names,
        api_visibility="private",
    )
    return TabQuestion(events=[go.click], answer=suggest, inputs=[names], outputs=[boxes, offered]), checked


def with_suggestions(text: str, chosen: Sequence[str], offered: Sequence[str] = ()) -> str:
    r"""The labels with those that were checked, and without those that were offered and are not.

    Lines with words of labels stay as they are; what is checked stands below them.

    >>> with_suggestions("dog, cat", ["cat", "tree"], ["cat", "tree", "dog"])
    'cat, tree'
    >>> with_suggestions("cup: mug; not trophy", ["tree"])
    'cup: mug; not trophy\ntree'
    """
    if not all(map(is_plain, text.split("\n"))):
        new = [one for one in chosen if one not in text.split("\n")]
        return "\n".join([text.rstrip("\n"), *new])
    left = [one for one in _names(text) if one in chosen or one not in offered]
    return ", ".join(dict.fromkeys([*left, *chosen]))


def _names(text: str) -> list[str]:
    """Names between commas or line breaks."""
    return list(filter(None, split_names(text)))
