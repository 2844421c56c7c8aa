"""What the tab of the review answers: which photo is shown, and what a decision does."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import gradio as gr

from tagalign.apps.page.downloads import HANDED
from tagalign.apps.page.mask_panel import panel_of
from tagalign.apps.page.review_items import Suggestion, kept_titles, suggest, suggest_of_run
from tagalign.apps.page.review_opening import ReviewOpener
from tagalign.apps.page.review_place import Draft, ReviewPlace
from tagalign.apps.page.review_store import ReviewStore
from tagalign.apps.page.studio import Studio
from tagalign.apps.page.texts import say
from tagalign.errors import InputError, TagalignError
from tagalign.export.coco import write_coco
from tagalign.export.tables import write_tags_csv
from tagalign.tasks.photos.keys import printable
from tagalign.tasks.review.clicks import Click, ClickVerdict


class Reviewer:
    """Answers of the tab; which photo is open is the browser's to remember."""

    def __init__(self, studio: Studio, opener: ReviewOpener | None, first: ReviewStore | None) -> None:
        """What answers, what opens another folder, and the one that the page was started with."""
        self._studio = studio
        self._opener = opener
        self._stores: dict[str, ReviewStore] = {} if first is None else {"": first}

    def open(self, name: str) -> ReviewStore:
        """Take in another folder; one that was open before keeps what can be taken back.

        Raises:
            TagalignError: if there is nothing to review in it.
        """
        if self._opener is None or not name.strip():
            raise InputError(say("review.start"))
        if name not in self._stores:
            self._stores[name] = self._opener(name)
        return self._stores[name]

    def find(self, place: ReviewPlace) -> ReviewStore | None:
        """What is reviewed there; None before something is."""
        return self._stores.get(place.store)

    def _store(self, place: ReviewPlace) -> ReviewStore:
        found = self.find(place)
        if found is None or place.number >= len(found.photos):
            raise InputError(say("review.start"))
        return found

    def suggestion(self, place: ReviewPlace) -> Suggestion:
        """What is suggested for a photo: what the run found, else what the model says now."""
        store = self._store(place)
        photo = store.photos[place.number]
        queued, queue = store.queued(photo), store.queue
        if store.results is not None and not place.again:
            found = suggest_of_run(store.results, photo)
            if found is not None:
                return found
        found = suggest(self._studio, store.folder, photo, place.labels, place.method)
        if queued is None or queue is None or set(found.names) != set(queue.asked):
            return found
        return replace(found, tags=queued.tags)  # those of the run are judged, not those of this moment

    def first(self, place: ReviewPlace) -> tuple[Any, ...]:
        """The first open photo of what is reviewed there."""
        store = self.find(place)
        return self.show(place if store is None else replace(place, number=store.first_open()))

    def resume(self, place: ReviewPlace, draft: Draft | None) -> tuple[Any, ...]:
        """Labels, and where a page that was loaded anew goes on: with what was checked before, else at the first open photo.

        A draft counts while its photo is the same one, and nobody decided about it since.
        """
        before = self._before(place, draft) if draft is not None else None
        if draft is None or before is None:
            return gr.skip(), *self.first(place)
        return before.labels, *self.show(before, draft=draft)

    def _before(self, place: ReviewPlace, draft: Draft) -> ReviewPlace | None:
        before = replace(draft.place, tab=place.tab, method=place.method, again=place.again)
        try:
            store = self.find(before) or self.open(before.store)  # a server that is new has nothing open
            store.refresh()
        except TagalignError:
            return None
        is_there = store.photos[before.number : before.number + 1] == (before.photo,)
        return before if is_there and store.mark(before.photo) == before.seen else None

    def show(self, place: ReviewPlace, more: str = "", *, draft: Draft | None = None) -> tuple[Any, ...]:
        """Place, photo, status, tags and masks; a broken photo says so and can be skipped."""
        empty = gr.update(choices=[], value=[])
        if self.find(place) is None:
            return place.text(), "", say("review.start"), empty, empty
        store = self._store(place)
        store.refresh()
        decision = store.load(store.photos[place.number])
        photo = store.photos[place.number]
        place = replace(place, photo=photo, seen=store.mark(photo))
        try:
            found = self.suggestion(place)
        except TagalignError as error:
            # the folder on the server is nobody's business
            reason = printable(str(error).replace(f"{store.folder}/", ""))
            return place.text(), "", self.status(place, f"{more} · **{reason}**"), empty, empty
        kept = kept_titles(found, decision)
        decided = decision is not None and decision.verdict == "accepted"
        tags = list(decision.tags if decided and decision is not None else found.tags)
        if draft is not None:
            tags, kept = list(draft.tags), [title for title in draft.titles if title in found.masks]
        return (
            place.text(),
            _panel(found, kept),
            self.status(place, more),
            gr.update(choices=list(dict.fromkeys([*found.names, *tags])), value=tags),
            gr.update(choices=list(found.masks), value=kept),
        )

    def repaint(self, shown: ReviewPlace, titles: Sequence[str]) -> str:
        """The photo with the checked masks alone."""
        return _panel(self.suggestion(shown), titles)

    def decide(
        self,
        shown: ReviewPlace,
        now: ReviewPlace,
        verdict: ClickVerdict,
        tags: list[str],
        titles: list[str],
    ) -> tuple[Any, ...]:
        """Write a decision and open the next photo.

        Nothing is written where somebody else decided about the photo since it was shown: their decision is shown instead.

        Args:
            shown: what the person saw.
            now: the same, with what the next photo is asked with.
            verdict: about what was seen.
            tags: that were checked.
            titles: of the masks that were checked.
        """
        store = self._store(shown)
        photo = store.photos[shown.number]
        store.refresh()
        if store.mark(photo) != shown.seen and store.last_of(shown.tab) != photo:
            return self.show(now, f" · **{say('review.meanwhile')}**")
        if store.mark(photo) == shown.seen:  # else the second press of a key, before the next photo was there
            click = Click(photo=photo, verdict=verdict)
            if verdict == "accepted":
                click = self.suggestion(shown).click(verdict, tags, titles)
            store.save(click, shown.tab)
        return self.show(replace(now, number=store.first_open(shown.number)))

    def back(self, place: ReviewPlace) -> tuple[Any, ...]:
        """Open the photo before."""
        return self.show(replace(place, number=(place.number - 1) % len(self._store(place).photos)))

    def undo(self, place: ReviewPlace) -> tuple[Any, ...]:
        """Take the last decision back, and open its photo.

        Raises:
            InputError: when nothing was decided in this tab since the page was started, or somebody else decided since.
        """
        store = self._store(place)
        photo = store.undo(place.tab)
        if photo is None:
            raise InputError(say("review.nothing_decided"))
        return self.show(replace(place, number=store.photos.index(photo)))

    def status(self, place: ReviewPlace, more: str = "") -> str:
        """Which photo this is, and how far the review has come."""
        store = self._store(place)
        photo = store.photos[place.number]
        decision = store.load(photo)
        if decision is not None:
            more = say("review.before", verdict=say(f"review.{decision.verdict}")) + more
        lines = [
            say(
                "review.place",
                photo=photo,
                number=place.number + 1,
                photos=len(store.photos),
                more=more,
            ),
            say("review.counts", **store.counts()),
            *_queued(store, photo),
            *([f"**{refusal}**"] if (refusal := printable(store.refusal())) else []),
        ]
        return "  \n".join(lines)

    def export(self, place: ReviewPlace) -> list[str]:
        """Write what was accepted, and nothing else; returns copies that a browser may be handed, wherever the review lies.

        Raises:
            InputError: when nothing was accepted yet.
        """
        store = self._store(place)
        if not store.counts()["accepted"]:
            raise InputError(say("review.none_accepted"))
        coco, table = store.out / "accepted.coco.json", store.out / "accepted.tags.csv"
        write_coco(coco, store.accepted())
        write_tags_csv(table, store.accepted())
        folder = HANDED.new()
        return [str(shutil.copy(path, folder)) for path in (coco, table)]


def _queued(store: ReviewStore, photo: str) -> list[str]:
    """Why the queue shows a photo, and what the judged ones say of all."""
    queued, found = store.queued(photo), store.precision()
    if queued is None or found is None:
        return []
    reason = say("review.random" if queued.drawn == "random" else "review.doubtful")
    alike = say("review.alike", number=queued.alike) if queued.alike else ""
    return [f"{reason}{alike} · {found}"]


def _panel(found: Suggestion, titles: Sequence[str]) -> str:
    none = say("review.no_mask" if found.masks else "review.tags_alone")
    return panel_of(found.image, found.drawn(titles), none=none)
