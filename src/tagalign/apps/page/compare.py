"""The second tab: one photo and one list of labels through two methods, side by side."""

from typing import Any

import gradio as gr

from tagalign.apps.page import words
from tagalign.apps.page.label_note import labels_box
from tagalign.apps.page.mask_panel import mask_panel
from tagalign.apps.page.method_panel import method_choices
from tagalign.apps.page.photo_input import photo_input, told
from tagalign.apps.page.pictures import SCREEN_SIDE
from tagalign.apps.page.studio import Studio
from tagalign.apps.page.texts import say


def add_compare(studio: Studio, examples: list[str], labels: str) -> None:
    """Build the tab inside the page that is being built."""
    with gr.Row():
        with gr.Column(scale=1, min_width=300):
            photo = photo_input(label=say("look.photo"), height=240, elem_id="compare-photo")
        with gr.Column(scale=1, min_width=300):
            names = labels_box(labels, "compare-labels")
            go = gr.Button(say("compare.go"), variant="primary", elem_id="compare-go")
            if examples:
                gr.Examples(
                    [[path] for path in examples],
                    inputs=[photo],
                    label=say("look.examples"),
                    examples_per_page=8,
                    elem_id="compare-examples",
                )
    with gr.Row():
        sides = [_side(studio, side) for side in (0, 1)]
    for method, *outputs in sides:
        for event in (go.click, names.submit, photo.change, method.change):
            event(_looker(studio), [photo, names, method], outputs, api_visibility="private")


def _side(studio: Studio, side: int) -> tuple[Any, ...]:
    start = studio.methods[min(side, len(studio.methods) - 1)]
    with gr.Column(min_width=300):
        method = gr.Dropdown(
            method_choices(studio.methods),
            value=start,
            label=say("compare.method", number=side + 1),
            elem_id=f"compare-method-{side + 1}",
        )
        masks = gr.HTML(elem_classes="flush", elem_id=f"compare-masks-{side + 1}")
        status = gr.Markdown(elem_classes="status", elem_id=f"compare-status-{side + 1}")
        bars = gr.HTML(elem_classes="flush", elem_id=f"compare-tags-{side + 1}")
    return method, masks, status, bars


def _looker(studio: Studio) -> Any:
    @told
    def look(path: str | None, text: str, method: str) -> tuple[Any, ...]:
        if path is None:
            return "", say("compare.no_photo"), ""
        view = studio.look(path, text, method, most=SCREEN_SIDE)
        masks = mask_panel(view.opened.image, view.segmentation)
        return masks, words.status(view), words.tag_bars(view.tagging)

    return look
