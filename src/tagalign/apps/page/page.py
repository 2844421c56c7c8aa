"""The page itself: a title, what to know about the model, and the tabs."""

from pathlib import Path
from typing import Any

import gradio as gr

from tagalign.apps.page.assets import static_text
from tagalign.apps.page.compare import add_compare
from tagalign.apps.page.look import add_look
from tagalign.apps.page.review import add_review
from tagalign.apps.page.review_opening import ReviewOpener
from tagalign.apps.page.review_store import ReviewStore
from tagalign.apps.page.reviewer import Reviewer
from tagalign.apps.page.studio import MAX_PHOTO_BYTES, Studio
from tagalign.apps.page.texts import say
from tagalign.apps.page.theme import page_theme

FILES_GO = (3600, 86400)
"""Every so many seconds, uploads and downloads older than so many go; the rest of them when the page is closed."""


def build_page(
    studio: Studio,
    *,
    model: str,
    examples: list[str],
    labels: str,
    review: ReviewStore | None = None,
    opener: ReviewOpener | None = None,
    notice: bool = False,
) -> gr.Blocks:
    """A page for one model.

    Args:
        studio: what answers.
        model: its name, for the title.
        examples: paths of photos to choose from; may be empty.
        labels: typed in at the start.
        review: a folder under review.
        opener: what opens another one; None where the page must not look into the folders of this machine. Without both
            there is no third tab.
        notice: say that the model knows drawn scenes only.
    """
    with gr.Blocks(title=say("page.title"), analytics_enabled=False, delete_cache=FILES_GO) as page:
        gr.Markdown(f"# {say('page.title')}\n{say('page.lead', model=model)}")
        if notice:
            gr.Markdown(say("page.tiny"), elem_id="tiny-notice")
        # the other way measures the tabs once, and may hide one that fits behind a menu for good
        with gr.Tabs(selected="review" if review is not None else "look", overflow_behavior="wrap"):
            with gr.Tab(say("page.tab_look"), id="look"):
                add_look(studio, examples, labels)
            with gr.Tab(say("page.tab_compare"), id="compare"):
                add_compare(studio, examples, labels)
            if review is not None or opener is not None:
                with gr.Tab(say("page.tab_review"), id="review"):
                    reviewer = Reviewer(studio, opener, review)
                    add_review(page, reviewer, studio, labels, chooses=opener is not None, first=review)
        page.load(
            None,
            None,
            None,
            js=static_text("keys.js").replace("EXAMPLE", say("page.example", number="{number}")),
        )
        page.load(None, None, None, js=static_text("panel.js"))
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
    return page.launch(
        server_name=host,
        server_port=port or None,
        prevent_thread_lock=not wait,
        allowed_paths=[str(out)] if out is not None else [],
        theme=page_theme(),
        css=static_text("page.css") + static_text("panel.css"),
        footer_links=[],
        share=False,
        max_file_size=MAX_PHOTO_BYTES,
        quiet=True,
        **options,
    )
