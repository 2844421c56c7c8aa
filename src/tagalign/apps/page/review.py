"""The third tab: a folder of photos, one after the other, until every tag and mask is let stand or taken away."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr

from tagalign.apps.page import pictures
from tagalign.apps.page.label_note import labels_box
from tagalign.apps.page.photo_input import told
from tagalign.apps.page.review_items import Suggestion, kept_titles, suggest
from tagalign.apps.page.review_store import ReviewStore
from tagalign.apps.page.studio import Studio, typed_labels
from tagalign.errors import InputError, TagalignError
from tagalign.export.coco import write_coco
from tagalign.export.tables import write_tags_csv
from tagalign.tags.label_sets import load_label_set
from tagalign.tags.same_label import tidy_name
from tagalign.tasks.photos.keys import key_of, printable
from tagalign.tasks.photos.walk import Walk
from tagalign.tasks.review.clicks import Click, ClickVerdict


class Reviewer:
    """Handlers of the tab; which photo is open is the browser's to remember.

    Attributes:
        store: decisions.
    """

    def __init__(self, studio: Studio, store: ReviewStore) -> None:
        self._studio = studio
        self.store = store

    def suggestion(self, number: int, labels: str, method: str) -> Suggestion:
        """What is suggested for a photo."""
        photo = self.store.photos[number]
        found = suggest(self._studio, self.store.folder, photo, labels, method)
        queued, queue = self.store.queued(photo), self.store.queue
        if queued is None or queue is None or set(found.names) != set(queue.names):
            return found
        return replace(found, tags=queued.tags)  # those of the run are judged, not those of this moment

    def show(self, number: int, labels: str, method: str) -> tuple[Any, ...]:
        """Photo, status, tags and masks of a photo; a broken one says so and can be skipped."""
        decision = self.store.load(self.store.photos[number])
        try:
            found = self.suggestion(number, labels, method)
        except TagalignError as error:
            empty = gr.update(choices=[], value=[])
            # the folder on the server is nobody's business
            reason = printable(str(error).replace(f"{self.store.folder}/", ""))
            return number, None, self.status(number, decision, f" · **{reason}**"), empty, empty
        kept = kept_titles(found, decision)
        decided = decision is not None and decision.verdict == "accepted"
        tags = list(decision.tags if decided and decision is not None else found.tags)
        return (
            number,
            _annotated(found, kept),
            self.status(number, decision),
            gr.update(choices=list(dict.fromkeys([*found.names, *tags])), value=tags),
            gr.update(choices=list(found.masks), value=kept),
        )

    def repaint(self, number: int, labels: str, method: str, titles: list[str]) -> Any:
        """The photo with the checked masks alone."""
        return _annotated(self.suggestion(number, labels, method), titles)

    def decide(
        self, verdict: ClickVerdict, number: int, labels: str, method: str, tags: list[str], titles: list[str]
    ) -> tuple[Any, ...]:
        """Write a decision and open the next photo."""
        file_name = self.store.photos[number]
        if verdict == "accepted":
            click = self.suggestion(number, labels, method).click(verdict, tags, titles)
        else:
            click = Click(photo=file_name, verdict=verdict)
        self.store.save(click)
        return self.show(self.store.first_open(number), labels, method)

    def back(self, number: int, labels: str, method: str) -> tuple[Any, ...]:
        """Open the photo before."""
        return self.show((number - 1) % len(self.store.photos), labels, method)

    def undo(self, number: int, labels: str, method: str) -> tuple[Any, ...]:
        """Take the last decision back, and open its photo.

        Raises:
            InputError: when nothing was decided since the page was started.
        """
        photo = self.store.undo()
        if photo is None:
            raise InputError("nothing was decided since this page was started")
        return self.show(self.store.photos.index(photo), labels, method)

    def status(self, number: int, decision: Click | None, more: str = "") -> str:
        """Which photo this is, and how far the review has come."""
        counts = self.store.counts()
        verdict = f" · {decision.verdict} before" if decision is not None else ""
        return (
            f"**{self.store.photos[number]}** · {number + 1} of {len(self.store.photos)}{verdict}{more}  \n"
            f"{counts['accepted']} accepted · {counts['skipped']} skipped · {counts['open']} open"
            f"{self._place(self.store.photos[number])}"
        )

    def _place(self, photo: str) -> str:
        """Why the queue shows a photo, and what the judged ones say of all."""
        queued, found = self.store.queued(photo), self.store.precision()
        if queued is None or found is None:
            return ""
        reason = "drawn at random" if queued.drawn == "random" else "doubtful"
        alike = f", {queued.alike} nearly the same follow" if queued.alike else ""
        return f"  \n{reason}{alike} · {found}"

    def export(self) -> list[str]:
        """Write what was accepted, and nothing else.

        Raises:
            InputError: when nothing was accepted yet.
        """
        if not self.store.counts()["accepted"]:
            raise InputError("nothing is accepted yet")
        coco, table = self.store.out / "accepted.coco.json", self.store.out / "accepted.tags.csv"
        write_coco(coco, self.store.accepted())
        write_tags_csv(table, self.store.accepted())
        return [str(coco), str(table)]


def _annotated(found: Suggestion, titles: list[str]) -> Any:
    kept = [(title, found.masks[title]) for title in titles if title in found.masks]
    value, colors = pictures.annotated_regions(found.image, kept)
    return gr.AnnotatedImage(value=value, color_map=colors)


def add_review(page: gr.Blocks, studio: Studio, store: ReviewStore, labels: str) -> None:
    """Build the tab inside the page that is being built."""
    reviewer = Reviewer(studio, store)
    number = gr.State(store.first_open())
    with gr.Row():
        with gr.Column(scale=3, min_width=300):
            status = gr.Markdown(elem_classes="status", elem_id="review-status")
            photo = gr.AnnotatedImage(label="Checked masks", elem_id="review-photo")
        with gr.Column(scale=2, min_width=300):
            tags = gr.CheckboxGroup(label="Tags", elem_id="review-tags")
            more = gr.Textbox(label="Add a tag", placeholder="type it and press Enter", elem_id="review-add")
            masks = gr.CheckboxGroup(label="Masks", elem_id="review-masks")
            # two and two: of four in a row the first wraps its word and the last stands alone
            with gr.Row():
                accept = gr.Button("Accept (a)", variant="primary", min_width=90, elem_id="review-accept")
                skip = gr.Button("Skip (s)", min_width=90, elem_id="review-skip")
            with gr.Row():
                back = gr.Button("Back (b)", min_width=90, elem_id="review-back")
                undo = gr.Button("Undo (z)", min_width=90, elem_id="review-undo")
    with gr.Accordion("Labels and method", open=False):
        names = labels_box(labels, "review-labels")
        method = gr.Dropdown(list(studio.methods), value=studio.methods[0], label="Method")
    export = gr.Button("Export what was accepted", elem_id="review-export")
    files = gr.Files(label="Accepted", visible=False, interactive=False, elem_id="review-files")
    shown, asked = [number, photo, status, tags, masks], [number, names, method]
    for event in (page.load, names.submit, method.change):
        event(told(reviewer.show), asked, shown, api_visibility="private")
    accept.click(
        told(lambda *given: reviewer.decide("accepted", *given)),
        [*asked, tags, masks],
        shown,
        api_visibility="private",
    )
    skip.click(
        told(lambda *given: reviewer.decide("skipped", *given)),
        [*asked, tags, masks],
        shown,
        api_visibility="private",
    )
    back.click(told(reviewer.back), asked, shown, api_visibility="private")
    undo.click(told(reviewer.undo), asked, shown, api_visibility="private")
    masks.input(told(reviewer.repaint), [*asked, masks], photo, api_visibility="private")
    more.submit(add_tag, [more, tags, names], [more, tags], api_visibility="private")
    export.click(
        told(lambda: gr.update(value=reviewer.export(), visible=True)), None, files, api_visibility="private"
    )


def add_tag(typed: str, tags: list[str], labels: str) -> tuple[str, Any]:
    """A tag that the model did not suggest, checked at once."""
    name = tidy_name(typed)
    if not name:
        return "", gr.update()
    known = load_label_set(typed_labels(labels)).names
    value = list(dict.fromkeys([*tags, name]))
    return "", gr.update(choices=list(dict.fromkeys([*known, *value])), value=value)


def photos_of(folder: Path) -> list[str]:
    """Keys of the photos below a folder, relative to it, in order; ``keys.path_of`` leads back to the file.

    What every verb finds there, but for photos inside of tars, which a browser cannot be handed.
    """
    found = Walk().below(str(folder))
    files = (source.path for source in found if source.problem is None and source.member is None)
    return sorted(key_of(os.path.relpath(path, folder)) for path in files)
