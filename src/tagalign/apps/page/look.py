"""The first tab: one photo, its tags, masks, heat maps, a phrase and a sentence."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from tagalign.apps.page import pictures, words
from tagalign.apps.page.choice import MethodChoice
from tagalign.apps.page.downloads import write_files
from tagalign.apps.page.label_note import labels_box
from tagalign.apps.page.mask_panel import mask_panel
from tagalign.apps.page.method_panel import MethodPanel, add_method_panel
from tagalign.apps.page.photo_input import photo_input, told
from tagalign.apps.page.studio import WRITER, Studio
from tagalign.errors import TagalignError

START = "Choose a photo or an example; the labels are yours to change."
SHOWN: dict[str, Any] = {"interactive": False, "format": "jpeg", "buttons": ["download", "fullscreen"]}
"""Pictures that are answers; gradio's button to share them elsewhere is left out."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TabQuestion:
    """What a part of the tab asks when a control is used.

    Attributes:
        events: that ask.
        answer: from the photo, the values of ``inputs`` and the choice to the values of ``outputs``.
        inputs: beside the photo.
        outputs: that change.
    """

    events: Sequence[Any]
    answer: Callable[..., Any]
    inputs: Sequence[Any]
    outputs: Sequence[Any]


def add_look(studio: Studio, examples: list[str], labels: str) -> None:
    """Build the tab inside the page that is being built."""
    asked = gr.Textbox(elem_id="heat-asked", elem_classes="for-scripts", label="For scripts", container=False)
    ask = gr.Button("For scripts", elem_id="heat-asked-go", elem_classes="for-scripts")
    with gr.Row():
        with gr.Column(scale=2, min_width=300):
            photo = photo_input(label="Photo", height=300, elem_id="look-photo")
            if examples:
                gr.Examples(
                    [[path] for path in examples], inputs=[photo], label="Examples", examples_per_page=8
                )
            names = labels_box(labels, "look-labels")
            go = gr.Button("Tag and segment", variant="primary", elem_id="look-go")
            chooser = gr.Column(min_width=0)
        with gr.Column(scale=3, min_width=300):
            status = gr.Markdown(START, elem_classes="status", elem_id="look-status")
            masks = gr.HTML(elem_id="look-masks")
            bars = gr.HTML(label="Tags", elem_id="look-tags")
            files = gr.Files(label="Download", visible=False, interactive=False, elem_id="look-files")
            heat = _heat(studio, asked, ask)
    with gr.Row():
        with gr.Column(min_width=300):
            phrase = _phrase(studio)
        with gr.Column(min_width=300):
            sentence = _caption(studio)
    shown = [masks, bars, status, files]

    def look(path: str | None, text: str, choice: MethodChoice) -> tuple[Any, ...]:
        return _look(studio, path, text, choice)

    def again(path: str | None, text: str, choice: MethodChoice) -> tuple[Any, ...]:
        # taking the photo away is no mistake
        return _look(studio, path, text, choice) if path else _nothing()

    with chooser:
        panel = add_method_panel(studio)
    for question in (
        TabQuestion(events=[go.click, names.submit], answer=look, inputs=[names], outputs=shown),
        # a new method answers at once, with its own defaults
        TabQuestion(
            events=[photo.change, panel.chosen.then, *panel.changes],
            answer=again,
            inputs=[names],
            outputs=shown,
        ),
        *heat,
        *phrase,
        *sentence,
    ):
        _register(question, photo, panel)


def _register(question: TabQuestion, photo: Any, panel: MethodPanel) -> None:
    """The question, asked with the photo and with everything that is chosen."""
    own = len(question.inputs)

    @told
    def answer(path: str | None, *values: Any) -> Any:
        return question.answer(path, *values[:own], panel.choice(values[own:]))

    inputs = [photo, *question.inputs, *panel.inputs]
    for event in question.events:
        event(answer, inputs, list(question.outputs), api_visibility="private")


def _look(studio: Studio, path: str | None, text: str, choice: MethodChoice) -> tuple[Any, ...]:
    """What is shown; what cannot be is said in one line, where the answer would stand."""
    try:
        view = studio.look(path, text, choice)
    except TagalignError as error:
        return "", "", words.refusal(error), gr.update(visible=False)
    files = write_files(view, dict(view.described))
    return (
        mask_panel(view.opened.image, view.segmentation, heat=True),
        words.tag_bars(view.tagging),
        words.status(view),
        gr.update(value=files, visible=True),
    )


def _nothing() -> tuple[Any, ...]:
    return "", "", START, gr.update(visible=False)


def _heat(studio: Studio, asked: Any, ask: Any) -> list[TabQuestion]:
    with gr.Accordion("Heat map", open=False, elem_id="look-heat") as section:
        name = gr.Textbox(
            label="Label", elem_id="heat-name", info="Any words; or choose a name under the masks."
        )
        scale = gr.HTML(elem_id="heat-scale")
        picture = gr.Image(label="Heat map", elem_id="heat-picture", **SHOWN)

    def heat(path: str | None, words_: str, choice: MethodChoice) -> tuple[Any, str]:
        image, found = studio.heat(path, words_, choice)
        return pictures.heat_picture(image, found), words.heat_scale(words_)

    def chosen(path: str | None, words_: str, choice: MethodChoice) -> tuple[Any, ...]:
        return (*heat(path, words_, choice), words_, gr.update(open=True))

    return [
        TabQuestion(events=[name.submit], answer=heat, inputs=[name], outputs=[picture, scale]),
        TabQuestion(
            events=[ask.click], answer=chosen, inputs=[asked], outputs=[picture, scale, name, section]
        ),
    ]


def _phrase(studio: Studio) -> list[TabQuestion]:
    with gr.Accordion("Find what a phrase means", open=False, elem_id="look-refer"):
        with gr.Row(elem_classes="ask"):
            phrase = gr.Textbox(
                label="Phrase", placeholder="the brown dog", scale=4, min_width=240, elem_id="refer-phrase"
            )
            go = gr.Button("Find", scale=1, min_width=100, elem_id="refer-go")
        note = gr.Markdown(elem_classes="status", elem_id="refer-note")
        picture = gr.AnnotatedImage(label="Region", elem_id="refer-picture")

    def refer(path: str | None, text: str, choice: MethodChoice) -> tuple[Any, str]:
        image, found = studio.refer(path, text, choice)
        value, colors = pictures.annotated_phrase(image, found)
        return gr.AnnotatedImage(value=value, color_map=colors), words.phrase_note(found)

    return [
        TabQuestion(events=[go.click, phrase.submit], answer=refer, inputs=[phrase], outputs=[picture, note])
    ]


def _caption(studio: Studio) -> list[TabQuestion]:
    with gr.Accordion("Describe the photo", open=False, elem_id="look-caption"):
        gr.Markdown(words.WRITER_KNOWN if WRITER in studio.methods else words.WRITER_MISSING)
        with gr.Row(elem_classes="ask"):
            tags = gr.Textbox(
                label="Tags to guide the sentence (optional)", scale=4, min_width=240, elem_id="caption-tags"
            )
            go = gr.Button("Describe", scale=1, min_width=100, elem_id="caption-go")
        sentence = gr.HTML(elem_id="caption-text")

    def caption(path: str | None, text: str, choice: MethodChoice) -> str:
        return words.caption_text(studio.caption(path, text, choice))

    return [TabQuestion(events=[go.click, tags.submit], answer=caption, inputs=[tags], outputs=[sentence])]
