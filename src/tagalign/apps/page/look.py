"""The first tab: one photo, its tags, masks, heat maps, a phrase and a sentence."""

from typing import Any

import gradio as gr
from PIL import Image

from tagalign.apps.page import pictures, words
from tagalign.apps.page.downloads import write_files
from tagalign.apps.page.photo_input import photo_input, told
from tagalign.apps.page.studio import WRITER, Studio

START = "Choose a photo or an example; the labels are yours to change."
SHOWN: dict[str, Any] = {"interactive": False, "format": "jpeg", "buttons": ["download", "fullscreen"]}
"""Pictures that are answers; gradio's button to share them elsewhere is left out."""


def add_look(studio: Studio, examples: list[str], labels: str) -> None:
    """Build the tab inside the page that is being built."""
    with gr.Row():
        with gr.Column(scale=2, min_width=300):
            photo = photo_input(label="Photo", height=300, elem_id="look-photo")
            if examples:
                gr.Examples(
                    [[path] for path in examples], inputs=[photo], label="Examples", examples_per_page=8
                )
            names = gr.Textbox(
                labels,
                label="Labels",
                info="Names between commas; or a line each: cup: mug; not trophy",
                max_lines=6,
                elem_id="look-labels",
            )
            method = gr.Dropdown(
                list(studio.methods), value=studio.methods[0], label="Method", elem_id="look-method"
            )
            go = gr.Button("Tag and segment", variant="primary", elem_id="look-go")
            bars = gr.HTML(label="Tags", elem_id="look-tags")
        with gr.Column(scale=3, min_width=300):
            status = gr.Markdown(START, elem_classes="status", elem_id="look-status")
            masks = gr.AnnotatedImage(label="Masks", elem_id="look-masks")
            files = gr.Files(label="Download", visible=False, interactive=False, elem_id="look-files")
            _add_heat(studio, photo, method, masks)
    with gr.Row():
        with gr.Column(min_width=300):
            _add_phrase(studio, photo, method)
        with gr.Column(min_width=300):
            _add_caption(studio, photo, method)
    shown = [masks, bars, status, files]
    look = told(lambda path, text, name: _look(studio, path, text, name))
    for event in (go.click, names.submit):
        event(look, [photo, names, method], shown, api_visibility="private")
    # a new photo or method answers at once; taking the photo away is no mistake
    again = told(lambda path, text, name: _look(studio, path, text, name) if path else _nothing())
    for event in (photo.change, method.change):
        event(again, [photo, names, method], shown, api_visibility="private")


def _look(studio: Studio, path: str | None, text: str, method: str) -> tuple[Any, ...]:
    view = studio.look(path, text, method)
    files = write_files(view, studio.model(method).describe())
    return (
        masks_update(view.opened.image, view.segmentation),
        words.tag_bars(view.tagging),
        words.status(view),
        gr.update(value=files, visible=True),
    )


def _nothing() -> tuple[Any, ...]:
    return None, "", START, gr.update(visible=False)


def masks_update(image: Image.Image, segmentation: Any) -> Any:
    """The annotated photo with the colours of its labels; the bare photo where a method has no masks."""
    if segmentation is None:
        return gr.update(value=(pictures.on_screen(image), []))
    value, colors = pictures.annotated(image, segmentation)
    return gr.AnnotatedImage(value=value, color_map=colors)


def _add_heat(studio: Studio, photo: Any, method: Any, masks: Any) -> None:
    with gr.Accordion("Heat map", open=False, elem_id="look-heat") as section:
        name = gr.Textbox(
            label="Label", elem_id="heat-name", info="Any words, or choose a name under the masks."
        )
        scale = gr.HTML(elem_id="heat-scale")
        picture = gr.Image(label="Heat map", elem_id="heat-picture", **SHOWN)

    @told
    def heat(path: str | None, words_: str, chosen: str) -> tuple[Any, str]:
        image, found = studio.heat(path, words_, chosen)
        return pictures.heat_picture(image, found), words.heat_scale(words_)

    def choose(event: gr.SelectData) -> tuple[str, Any]:
        # the legend reads "dog  34 %"
        return str(event.value).rsplit("  ", 1)[0], gr.update(open=True)

    name.submit(heat, [photo, name, method], [picture, scale], api_visibility="private")
    masks.select(choose, None, [name, section], api_visibility="private").then(
        heat, [photo, name, method], [picture, scale], api_visibility="private"
    )


def _add_phrase(studio: Studio, photo: Any, method: Any) -> None:
    with gr.Accordion("Find what a phrase means", open=False, elem_id="look-refer"):
        with gr.Row(elem_classes="ask"):
            phrase = gr.Textbox(
                label="Phrase", placeholder="the brown dog", scale=4, min_width=240, elem_id="refer-phrase"
            )
            go = gr.Button("Find", scale=1, min_width=100, elem_id="refer-go")
        note = gr.Markdown(elem_classes="status", elem_id="refer-note")
        picture = gr.AnnotatedImage(label="Region", elem_id="refer-picture")

    @told
    def refer(path: str | None, text: str, chosen: str) -> tuple[Any, str]:
        image, found = studio.refer(path, text, chosen)
        value, colors = pictures.annotated_phrase(image, found)
        return gr.AnnotatedImage(value=value, color_map=colors), words.phrase_note(found)

    for event in (go.click, phrase.submit):
        event(refer, [photo, phrase, method], [picture, note], api_visibility="private")


def _add_caption(studio: Studio, photo: Any, method: Any) -> None:
    with gr.Accordion("Describe the photo", open=False, elem_id="look-caption"):
        gr.Markdown(words.WRITER_KNOWN if WRITER in studio.methods else words.WRITER_MISSING)
        with gr.Row(elem_classes="ask"):
            tags = gr.Textbox(
                label="Tags to guide the sentence (optional)", scale=4, min_width=240, elem_id="caption-tags"
            )
            go = gr.Button("Describe", scale=1, min_width=100, elem_id="caption-go")
        sentence = gr.HTML(elem_id="caption-text")

    @told
    def caption(path: str | None, text: str, chosen: str) -> str:
        return words.caption_text(studio.caption(path, text, chosen))

    for event in (go.click, tags.submit):
        event(caption, [photo, tags, method], sentence, api_visibility="private")
