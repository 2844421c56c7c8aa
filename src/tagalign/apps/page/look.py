"""The first tab: one photo, its tags, masks, heat maps, a phrase and a sentence."""

from typing import Any

import gradio as gr

from tagalign.apps.page import pictures, words
from tagalign.apps.page.choice import MethodChoice
from tagalign.apps.page.downloads import write_files
from tagalign.apps.page.label_note import labels_box
from tagalign.apps.page.mask_panel import mask_panel, picture
from tagalign.apps.page.method_panel import MethodPanel, add_method_panel
from tagalign.apps.page.photo_input import photo_input, told
from tagalign.apps.page.pictures import SCREEN_SIDE
from tagalign.apps.page.question import TabQuestion
from tagalign.apps.page.studio import WRITER, Studio
from tagalign.apps.page.suggestions import add_suggestions
from tagalign.apps.page.texts import say
from tagalign.errors import TagalignError

HIDDEN: dict[str, Any] = gr.update(visible=False)


def add_look(studio: Studio, examples: list[str], labels: str) -> None:
    """Build the tab inside the page that is being built."""
    asked = gr.Textbox(
        elem_id="heat-asked", elem_classes="for-scripts", label=say("page.scripts"), container=False
    )
    ask = gr.Button(say("page.scripts"), elem_id="heat-asked-go", elem_classes="for-scripts")
    with gr.Row():
        with gr.Column(scale=2, min_width=300, elem_id="look-asked"):
            photo = photo_input(label=say("look.photo"), height=300, elem_id="look-photo")
            if examples:
                gr.Examples(
                    [[path] for path in examples],
                    inputs=[photo],
                    label=say("look.examples"),
                    examples_per_page=8,
                    elem_id="look-examples",
                )
            names = labels_box(labels, "look-labels")
            suggestion, checked = add_suggestions(studio, names)
            go = gr.Button(say("look.go"), variant="primary", elem_id="look-go")
            chooser = gr.Column(min_width=0, elem_id="look-chooser")
        with gr.Column(scale=3, min_width=300, elem_id="look-answer"):
            status = gr.Markdown(say("look.start"), elem_classes="status", elem_id="look-status")
            masks = gr.HTML(elem_classes="flush", elem_id="look-masks")
            scale = gr.HTML(elem_id="heat-scale")
            bars = gr.HTML(label=say("look.tags"), elem_classes="flush", elem_id="look-tags")
            whole = gr.Button(say("look.files"), visible=False, elem_id="look-whole")
            files = gr.Files(label=say("look.files"), visible=False, interactive=False, elem_id="look-files")
            heat = _heat(studio, asked, ask, scale)
    with gr.Row():
        with gr.Column(min_width=300):
            phrase = _phrase(studio)
        with gr.Column(min_width=300):
            sentence = _caption(studio)
    shown = [masks, bars, status, whole, files]

    def look(path: str | None, text: str, choice: MethodChoice) -> tuple[Any, ...]:
        return _look(studio, path, text, choice)

    def again(path: str | None, text: str, choice: MethodChoice) -> tuple[Any, ...]:
        # taking the photo away is no mistake
        return _look(studio, path, text, choice) if path else _nothing()

    def files_of(path: str | None, text: str, choice: MethodChoice) -> tuple[Any, ...]:
        return _whole(studio, path, text, choice)

    with chooser:
        panel = add_method_panel(studio)
    for question in (
        TabQuestion(events=[go.click, names.submit], answer=look, inputs=[names], outputs=shown),
        # a new method answers at once, with its own defaults
        TabQuestion(
            events=[photo.change, panel.chosen.then, checked.then, *panel.changes],
            answer=again,
            inputs=[names],
            outputs=shown,
        ),
        TabQuestion(events=[whole.click], answer=files_of, inputs=[names], outputs=[whole, files]),
        suggestion,
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
    """What is shown; what cannot be is said in one line, where the answer would stand.

    A large photo is answered at the size of the screen, and at its own when its files are asked for.
    """
    try:
        view = studio.look(path, text, choice, most=SCREEN_SIDE)
    except TagalignError as error:
        return "", "", words.refusal(error), HIDDEN, HIDDEN
    opened = view.opened
    width, height = opened.size
    return (
        mask_panel(opened.image, view.segmentation, heat=True),
        words.tag_bars(view.tagging),
        words.status(view),
        gr.update(visible=not opened.is_whole, value=say("look.files_go", width=width, height=height)),
        gr.update(value=write_files(view, dict(view.described)), visible=True) if opened.is_whole else HIDDEN,
    )


def _whole(studio: Studio, path: str | None, text: str, choice: MethodChoice) -> tuple[Any, Any]:
    """The files of a large photo at its own size."""
    view = studio.look(path, text, choice)
    return HIDDEN, gr.update(value=write_files(view, dict(view.described)), visible=True)


def _nothing() -> tuple[Any, ...]:
    return "", "", say("look.start"), HIDDEN, HIDDEN


def _heat(studio: Studio, asked: Any, ask: Any, scale: Any) -> list[TabQuestion]:
    layer = gr.HTML(elem_id="heat-layer", elem_classes="for-scripts")
    with gr.Accordion(say("look.heat"), open=False, elem_id="look-heat"):
        name = gr.Textbox(label=say("look.heat_label"), elem_id="heat-name", info=say("look.heat_hint"))

    def heat(path: str | None, words_: str, choice: MethodChoice) -> tuple[Any, str]:
        _, found = studio.heat(path, words_, choice, most=SCREEN_SIDE)
        alt = say("look.heat_alt", name=words_)
        return str(picture(pictures.heat_layer(found), alt=alt)), words.heat_scale(words_)

    return [
        TabQuestion(events=[name.submit], answer=heat, inputs=[name], outputs=[layer, scale]),
        TabQuestion(events=[ask.click], answer=heat, inputs=[asked], outputs=[layer, scale]),
    ]


def _phrase(studio: Studio) -> list[TabQuestion]:
    with gr.Accordion(say("look.phrase"), open=False, elem_id="look-refer"):
        with gr.Row(elem_classes="ask"):
            phrase = gr.Textbox(
                label=say("look.phrase_label"),
                placeholder=say("look.phrase_sample"),
                scale=4,
                min_width=240,
                elem_id="refer-phrase",
            )
            go = gr.Button(say("look.phrase_go"), scale=1, min_width=100, elem_id="refer-go")
        note = gr.Markdown(elem_classes="status", elem_id="refer-note")
        # shown with its first answer: an empty one is a large grey box, and says nothing to a screen reader
        picture = gr.AnnotatedImage(label=say("look.region"), visible=False, elem_id="refer-picture")

    def refer(path: str | None, text: str, choice: MethodChoice) -> tuple[Any, str]:
        image, found = studio.refer(path, text, choice)
        value, colors = pictures.annotated_phrase(image, found)
        return gr.AnnotatedImage(value=value, color_map=colors, visible=True), words.phrase_note(found)

    return [
        TabQuestion(events=[go.click, phrase.submit], answer=refer, inputs=[phrase], outputs=[picture, note])
    ]


def _caption(studio: Studio) -> list[TabQuestion]:
    with gr.Accordion(say("look.sentence"), open=False, elem_id="look-caption"):
        gr.Markdown(say("look.writer_known" if WRITER in studio.methods else "look.writer_missing"))
        with gr.Row(elem_classes="ask"):
            tags = gr.Textbox(label=say("look.guide"), scale=4, min_width=240, elem_id="caption-tags")
            go = gr.Button(say("look.sentence_go"), scale=1, min_width=100, elem_id="caption-go")
        sentence = gr.HTML(elem_id="caption-text")

    def caption(path: str | None, text: str, choice: MethodChoice) -> str:
        return words.caption_text(studio.caption(path, text, choice))

    return [TabQuestion(events=[go.click, tags.submit], answer=caption, inputs=[tags], outputs=[sentence])]
