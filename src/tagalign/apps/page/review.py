"""The third tab: a folder of photos, one after the other, until every tag and mask is let stand or taken away."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import gradio as gr

from tagalign.apps.page.assets import static_text
from tagalign.apps.page.label_note import labels_box
from tagalign.apps.page.method_panel import method_choices
from tagalign.apps.page.photo_input import told
from tagalign.apps.page.review_opening import folders_in
from tagalign.apps.page.review_place import ReviewPlace, draft_of, place_of
from tagalign.apps.page.review_store import ReviewStore
from tagalign.apps.page.reviewer import Reviewer
from tagalign.apps.page.studio import Studio, typed_labels
from tagalign.apps.page.texts import say
from tagalign.tags.label_sets import load_label_set
from tagalign.tags.same_label import tidy_name
from tagalign.tasks.review.clicks import ClickVerdict

ButtonKind = Literal["primary", "secondary"]
PLACED = 4
"""Values that every question of the tab begins with: the place that is shown, and what the next one is asked with."""


def add_review(
    page: gr.Blocks,
    reviewer: Reviewer,
    studio: Studio,
    labels: str,
    *,
    chooses: bool,
    first: ReviewStore | None,
) -> None:
    """Build the tab inside the page that is being built.

    Args:
        page: being built.
        reviewer: what answers.
        studio: its methods are offered.
        labels: typed in at the start.
        chooses: whether folders of this machine may be opened from the page.
        first: what is reviewed at the start.
    """
    place, draft = (_browsers_own(name) for name in ("place", "draft"))
    picker = _picker(first is None) if chooses else None
    with gr.Row():
        with gr.Column(scale=3, min_width=300):
            status = gr.Markdown(elem_classes="status", elem_id="review-status")
            photo = gr.HTML(elem_classes="flush", elem_id="review-photo")
        with gr.Column(scale=2, min_width=300):
            tags = gr.CheckboxGroup(label=say("review.tags"), elem_id="review-tags")
            more = gr.Textbox(
                label=say("review.add"), placeholder=say("review.add_hint"), elem_id="review-add"
            )
            masks = gr.CheckboxGroup(label=say("review.masks"), elem_id="review-masks")
            accept, skip, back, undo = _buttons()
    with gr.Accordion(say("review.labels"), open=False, elem_id="review-options"):
        again = gr.Checkbox(
            False,
            label=say("review.again"),
            info=say("review.again_hint"),
            visible=first is not None and first.results is not None,
            elem_id="review-again",
        )
        names = labels_box(labels, "review-labels")
        method = gr.Dropdown(
            method_choices(studio.methods),
            value=studio.methods[0],
            label=say("method.title"),
            elem_id="review-method",
        )
    export = gr.Button(say("review.export"), elem_id="review-export")
    files = gr.Files(label=say("review.exported"), visible=False, interactive=False, elem_id="review-files")
    shown, placed = [place, photo, status, tags, masks], [place, names, method, again]

    def bind(event: Any, asked: Callable[..., Any], inputs: list[Any], outputs: Any) -> None:
        # one place says that something is computed, or went wrong: not every component that would change
        event(
            asked,
            [*placed, *inputs],
            outputs,
            api_visibility="private",
            show_progress_on=status,
        )

    page.load(
        _resumed(reviewer),
        [place, draft, *placed[1:]],
        [names, *shown],
        js=static_text("tab.js"),
        api_visibility="private",
        show_progress_on=status,
    )
    for event in (names.submit, method.change, again.input):
        bind(event, _placed(reviewer.show), [], shown)
    bind(accept.click, _decided(reviewer, "accepted"), [tags, masks], shown)
    bind(skip.click, _decided(reviewer, "skipped"), [tags, masks], shown)
    bind(back.click, _placed(reviewer.back), [], shown)
    bind(undo.click, _placed(reviewer.undo), [], shown)
    bind(masks.input, _seen(reviewer.repaint), [masks], photo)
    bind(export.click, _seen(lambda at: gr.update(value=reviewer.export(at), visible=True)), [], files)
    more.submit(add_tag, [more, tags, names], [more, tags], api_visibility="private")
    if picker is not None:
        _bind_picker(picker, reviewer, placed, [names, again, *shown], status)


def _browsers_own(name: str) -> Any:
    """A text of the browser, no state of the server: it is sent with what is checked, so that both are of one photo."""
    return gr.Textbox(
        "{}",
        elem_id=f"review-{name}",
        elem_classes="for-scripts",
        label=say("page.scripts"),
        container=False,
    )


def _now(shown: ReviewPlace, values: Sequence[Any]) -> ReviewPlace:
    """The same photo, asked with what the fields of the tab hold now."""
    labels, method, again = values[: PLACED - 1]
    return replace(shown, labels=labels or "", method=method, again=bool(again))


def _placed(answer: Callable[..., Any]) -> Callable[..., Any]:
    """The answer about the place of the browser, asked with what its fields hold now."""

    @told
    def asked(place: str, *values: Any) -> Any:
        return answer(_now(place_of(place), values), *values[PLACED - 1 :])

    return asked


def _resumed(reviewer: Reviewer) -> Callable[..., Any]:
    @told
    def asked(place: str, draft: str, *values: Any) -> Any:
        return reviewer.resume(_now(place_of(place), values), draft_of(draft))

    return asked


def _seen(answer: Callable[..., Any]) -> Callable[..., Any]:
    """The answer about what the browser shows, whatever was typed since."""

    @told
    def asked(place: str, *values: Any) -> Any:
        return answer(place_of(place), *values[PLACED - 1 :])

    return asked


def _decided(reviewer: Reviewer, verdict: ClickVerdict) -> Callable[..., Any]:
    @told
    def asked(place: str, *values: Any) -> Any:
        shown, (tags, titles) = place_of(place), values[PLACED - 1 :]
        return reviewer.decide(shown, _now(shown, values), verdict, tags, titles)

    return asked


def _buttons() -> list[Any]:
    """Two and two: of four in a row the first wraps its word and the last stands alone."""
    made = []
    for pair in (("accept", "skip"), ("back", "undo")):
        with gr.Row():
            for name in pair:
                kind: ButtonKind = "primary" if name == "accept" else "secondary"
                text = say(f"review.{name}")
                made.append(gr.Button(text, variant=kind, min_width=90, elem_id=f"review-{name}"))
    return made


def _picker(is_open: bool) -> tuple[Any, Any, Any]:
    """A path, a button, and the folders inside, from the folder that the page was started in."""
    with gr.Accordion(say("review.choose"), open=is_open, elem_id="review-choose"):
        with gr.Row(elem_classes="ask"):
            path = gr.Textbox(
                str(Path.cwd()), label=say("review.folder"), scale=4, min_width=240, elem_id="review-folder"
            )
            go = gr.Button(say("review.open"), scale=1, min_width=100, elem_id="review-open")
        inside = gr.Dropdown(
            folders_in(Path.cwd()),
            value=None,
            label=say("review.inside"),
            # gradio sends a choice twice, and would refuse the second among the folders of the first
            allow_custom_value=True,
            elem_id="review-inside",
        )
    return path, go, inside


def _bind_picker(
    picker: tuple[Any, Any, Any], reviewer: Reviewer, placed: list[Any], outputs: list[Any], status: Any
) -> None:
    path, go, inside = picker

    def opened(at: ReviewPlace, typed: str) -> tuple[Any, ...]:
        store = reviewer.open(typed)
        queue = store.queue
        labels = at.labels if queue is None else ", ".join(queue.asked)
        box = gr.update(visible=store.results is not None, value=False)
        return labels, box, *reviewer.first(replace(at, store=typed, labels=labels, again=False))

    for event in (go.click, path.submit):
        event(_placed(opened), [*placed, path], outputs, api_visibility="private", show_progress_on=status)

    def walked(chosen: str | None) -> tuple[Any, Any]:
        if not chosen:
            return gr.skip(), gr.skip()
        return chosen, gr.update(choices=folders_in(Path(chosen)), value=None)

    # once: the second sending of a choice would write over a path that was typed since
    inside.input(told(walked), inside, [path, inside], api_visibility="private", trigger_mode="once")


def add_tag(typed: str, tags: list[str], labels: str) -> tuple[str, Any]:
    """A tag that the model did not suggest, checked at once."""
    name = tidy_name(typed)
    if not name:
        return "", gr.update()
    known = load_label_set(typed_labels(labels)).names
    value = list(dict.fromkeys([*tags, name]))
    return "", gr.update(choices=list(dict.fromkeys([*known, *value])), value=value)
