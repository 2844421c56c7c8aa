"""The page itself: a title, what to know about the model, and the tabs."""

from pathlib import Path
from typing import Any

import gradio as gr

from tagalign.apps.page import words
from tagalign.apps.page.compare import add_compare
from tagalign.apps.page.look import add_look
from tagalign.apps.page.panel_style import PANEL_CSS, PANEL_KEYS
from tagalign.apps.page.review import add_review
from tagalign.apps.page.review_store import ReviewStore
from tagalign.apps.page.studio import Studio
from tagalign.apps.page.style import CSS, KEYS

SYSTEM_FONTS = ("system-ui", "sans-serif")  # nothing is loaded from elsewhere


def build_page(
    studio: Studio,
    *,
    model: str,
    examples: list[str],
    labels: str,
    review: ReviewStore | None = None,
    notice: bool = False,
) -> gr.Blocks:
    """A page for one model.

    Args:
        studio: what answers.
        model: its name, for the title.
        examples: paths of photos to choose from; may be empty.
        labels: typed in at the start.
        review: a folder under review; no third tab without.
        notice: say that the model knows drawn scenes only.
    """
    with gr.Blocks(title="tagalign", analytics_enabled=False) as page:
        gr.Markdown(f"# tagalign\nTags, masks and regions from your own labels, with `{model}`.")
        if notice:
            gr.Markdown(words.TINY_NOTICE, elem_id="tiny-notice")
        with gr.Tabs(selected="review" if review is not None else "look"):
            with gr.Tab("One photo", id="look"):
                add_look(studio, examples, labels)
            with gr.Tab("Two methods", id="compare"):
                add_compare(studio, examples, labels)
            if review is not None:
                with gr.Tab("Review a folder", id="review"):
                    add_review(page, studio, review, labels)
        page.load(None, None, None, js=KEYS)
        page.load(None, None, None, js=PANEL_KEYS)
    return page


def launch(
    page: gr.Blocks, *, host: str, port: int, out: Path | None, wait: bool = True, **options: Any
) -> Any:
    """Show the page on the network of ``host``.

    Args:
        page: from ``build_page``.
        host: address to listen on.
        port: port to listen on; 0 takes a free one.
        out: folder of the review; its files may be downloaded.
        wait: return only when the page is closed.
        options: of gradio's ``launch``.
    """
    theme = gr.themes.Soft(primary_hue="blue", font=SYSTEM_FONTS, font_mono=("ui-monospace", "monospace"))
    return page.launch(
        server_name=host,
        server_port=port or None,
        prevent_thread_lock=not wait,
        allowed_paths=[str(out)] if out is not None else [],
        theme=theme,
        css=CSS + PANEL_CSS,
        footer_links=[],
        share=False,
        quiet=True,
        **options,
    )
