"""The first tab: one photo, its tags, masks, heat maps, a phrase and a sentence."""

from typing import Any

import gradio as gr
from PIL import Image

from tagalign.apps.page import pictures, words
from tagalign.apps.page.downloads import write_files
from tagalign.apps.page.photo_input import photo_input, told
from tagalign.apps.page.studio import Studio
from tagalign.export.overlay import referring_overlay


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
                labels, label="Labels", info="Names between commas.", lines=2, elem_id="look-labels"
            )
            method = gr.Dropdown(
                list(studio.methods), value=studio.methods[0], label="Method", elem_id="look-method"
            )
            go = gr.Button("Tag and segment", variant="primary", elem_id="look-go")
            bars = gr.HTML(label="Tags", elem_id="look-tags")
        with gr.Column(scale=3, min_width=300):
            status = gr.Markdown(
                "Choose a photo, type labels, press the button.", elem_classes="status", elem_id="look-status"
            )
            masks = gr.AnnotatedImage(label="Masks", elem_id="look-masks")
            files = gr.Files(label="Download", visible=False, elem_id="look-files")
            _add_heat(studio, photo, method, masks)
    _add_phrase(studio, photo, method)
    _add_caption(studio, photo, method)
    look = told(lambda path, text, name: _look(studio, path, text, name))
    for event in (go.click, names.submit):
        event(look, [photo, names, method], [masks, bars, status, files], api_name=False)


def _look(studio: Studio, path: str | None, text: str, method: str) -> tuple[Any, ...]:
    view = studio.look(path, text, method)
    files = write_files(view, studio.model(method).method.describe())
    return (
        masks_update(view.opened.image, view.segmentation),
        words.tag_bars(view.tagging),
        words.status(view),
        gr.update(value=files, visible=True),
    )


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
        picture = gr.Image(label="Heat map", interactive=False, elem_id="heat-picture", format="jpeg")

    @told
    def heat(path: str | None, words_: str, chosen: str) -> tuple[Any, str]:
        image, found = studio.heat(path, words_, chosen)
        return pictures.heat_picture(image, found), words.heat_scale(words_)

    def choose(event: gr.SelectData) -> tuple[str, Any]:
        # the legend reads "dog  34 %"
        return str(event.value).rsplit("  ", 1)[0], gr.update(open=True)

    name.submit(heat, [photo, name, method], [picture, scale], api_name=False)
    masks.select(choose, None, [name, section], api_name=False).then(
        heat, [photo, name, method], [picture, scale], api_name=False
    )


def _add_phrase(studio: Studio, photo: Any, method: Any) -> None:
    with gr.Accordion("Find what a phrase means", open=False, elem_id="look-refer"):
        with gr.Row():
            phrase = gr.Textbox(label="Phrase", placeholder="the brown dog", scale=4, elem_id="refer-phrase")
            go = gr.Button("Find", scale=1, min_width=100, elem_id="refer-go")
        picture = gr.Image(label="Region", interactive=False, elem_id="refer-picture", format="jpeg")

    @told
    def refer(path: str | None, text: str, chosen: str) -> Any:
        image, found = studio.refer(path, text, chosen)
        return referring_overlay(image, found)

    for event in (go.click, phrase.submit):
        event(refer, [photo, phrase, method], picture, api_name=False)


def _add_caption(studio: Studio, photo: Any, method: Any) -> None:
    with gr.Accordion("Describe the photo", open=False, elem_id="look-caption"):
        gr.Markdown(
            "Needs a method that writes sentences: a folder trained with `tagalign train --method tag2text`."
        )
        with gr.Row():
            tags = gr.Textbox(label="Tags to guide the sentence (optional)", scale=4, elem_id="caption-tags")
            go = gr.Button("Describe", scale=1, min_width=100, elem_id="caption-go")
        sentence = gr.HTML(elem_id="caption-text")

    @told
    def caption(path: str | None, text: str, chosen: str) -> str:
        return words.caption_text(studio.caption(path, text, chosen))

    for event in (go.click, tags.submit):
        event(caption, [photo, tags, method], sentence, api_name=False)
