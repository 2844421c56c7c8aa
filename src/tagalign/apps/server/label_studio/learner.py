"""Learns from what people submit: each annotation is a click on the disk before it is answered, thresholds follow behind.

The thresholds of a list of labels need the scores of its labels in every judged photo. They are computed by the server's own
model, one photo after the other behind the requests of people, and kept in memory; after a restart they are computed again.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import Image

from tagalign.apps.server.label_studio.asking import TaskPhotos
from tagalign.apps.server.refusals import disk_full, passes
from tagalign.errors import InputError, TagalignError
from tagalign.integrations.label_studio.learned import LearnedLists, list_key, read_learned
from tagalign.integrations.label_studio.places import LocalPhoto, WebPhoto
from tagalign.integrations.label_studio.predicting import EncodeLabels
from tagalign.integrations.label_studio.words import LabelObject
from tagalign.tasks.model import Model
from tagalign.tasks.photos.keys import path_of, printable
from tagalign.tasks.review.clicks import REVIEW_FILE, Click, Clicks, append_clicks, read_clicks
from tagalign.tasks.review.thresholds import thresholds_of

LOG = logging.getLogger("tagalign.server")
MOST_PHOTOS = 2000
"""Judged photos that thresholds are made of, the latest ones: scores of more would not be ready for a long time."""
MOST_LISTS = 32
"""Lists of labels that thresholds are kept of; a list changes with every label that is added to a project."""

ClickScores = dict[tuple[str, str], Sequence[float] | None]
"""Of the labels of a list by the folder and the key of a photo; None where it could not be read."""


class Learner:
    """Clicks of annotations, and the thresholds they teach.

    Attributes:
        out: folder of ``review.jsonl`` and ``thresholds.json``.
        learned: of the lists of labels that were asked.
    """

    def __init__(
        self, out: Path, photos: TaskPhotos, model: Model, encode_labels: EncodeLabels, mark: str
    ) -> None:
        self.out = out
        self.learned = LearnedLists(mark=mark)
        self._photos = photos
        self._model = model
        self._encode_labels = encode_labels
        self._clicks = Clicks()
        self._scores: dict[str, ClickScores] = {}
        self._lists: dict[str, Sequence[LabelObject]] = {}
        self._writing = asyncio.Lock()
        self._learning = asyncio.Lock()
        self._behind: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Read what is there; in the event loop that answers."""
        self._writing, self._learning = asyncio.Lock(), asyncio.Lock()
        await asyncio.to_thread(self._read)

    async def close(self) -> None:
        """Stop learning; clicks are on the disk."""
        if self._behind is not None:
            self._behind.cancel()
            await asyncio.gather(self._behind, return_exceptions=True)

    def thresholds(self, entries: Sequence[LabelObject]) -> Mapping[str, float]:
        """What was learned about a list of labels so far."""
        return self.learned.of(entries)

    async def submitted(self, clicks: Sequence[Click], lists: Sequence[Sequence[LabelObject]]) -> None:
        """Keep annotations, and learn behind this call.

        Args:
            clicks: of the annotations.
            lists: of labels that their project asks.

        Raises:
            Refusal: 507 if the disk takes no more.
        """
        async with self._writing:
            await self._append(clicks)
        self._note_lists(lists)
        if self._behind is None or self._behind.done():
            self._behind = asyncio.create_task(self._learn_quietly())

    async def deleted(self, source: str) -> int:
        """Take back the clicks of an annotation that was deleted; returns of how many photos.

        Raises:
            Refusal: 507 if the disk takes no more.
        """
        async with self._writing:
            taken_back = self._clicks.without(source)
            await self._append(taken_back)
        return len({(click.folder, click.photo) for click in taken_back})

    async def learn(self, lists: Sequence[Sequence[LabelObject]] = ()) -> None:
        """Score judged photos that have no scores yet, and make the thresholds again."""
        self._note_lists(lists)
        async with self._learning:
            for key, entries in list(self._lists.items()):
                await self._learn_list(key, entries)
            await asyncio.to_thread(self.learned.save, self.out)

    async def _learn_quietly(self) -> None:
        told = -1
        while told != (told := sum(map(len, self._clicks.histories.values()))):  # more came meanwhile
            try:
                await self.learn()
            except TagalignError as error:
                LOG.warning("label-studio: thresholds are not learned now: %s", printable(str(error)))

    async def _learn_list(self, key: str, entries: Sequence[LabelObject]) -> None:
        scores = self._scores.setdefault(key, {})
        judged = [click for click in self._clicks.counting() if click.verdict == "accepted"][-MOST_PHOTOS:]
        for click in judged:
            place = (click.folder, click.photo)
            if place not in scores:
                scores[place] = await self._scored(click, entries)
        scored = [(click, 1.0, found) for click in judged if (found := scores[click.folder, click.photo])]
        names = [str(entry["name"]) for entry in entries]
        per_label, _ = await asyncio.to_thread(thresholds_of, names, scored)
        # a list that is asked again goes to the end; the one that was not asked for longest leaves
        by_list = {
            other: found
            for other, found in self.learned.by_list.items()
            if other in self._lists and other != key
        }
        self.learned = replace(self.learned, by_list=by_list | {key: per_label})

    async def _scored(self, click: Click, entries: Sequence[LabelObject]) -> Sequence[float] | None:
        def scores(encoded: Any, image: Image.Image) -> Sequence[float]:
            return self._model.tag(encoded, self._encode_labels(entries)).scores

        photo: LocalPhoto | WebPhoto = WebPhoto(address=path_of(click.photo))
        if click.folder:
            photo = LocalPhoto(folder=Path(path_of(click.folder)), path=path_of(click.photo))
        found: Any
        try:
            load = self._photos.load(photo)
        except TagalignError as error:  # an address, and the server fetches nothing now
            found = error
        else:
            (found,) = await self._photos.engine.ask_together([load], [scores])
        if passes(found):
            raise found
        if isinstance(found, TagalignError):
            LOG.warning("label-studio: left out of learning: %s: %s", click.photo, printable(str(found)))
            return None
        return list(found)

    async def _append(self, clicks: Sequence[Click]) -> None:
        if not clicks:
            return
        try:
            kept = await asyncio.to_thread(append_clicks, self.out / REVIEW_FILE, clicks)
        except InputError as error:
            raise disk_full("the annotation", error) from None
        for click in kept:
            self._clicks.add(click)

    def _note_lists(self, lists: Sequence[Sequence[LabelObject]]) -> None:
        for entries in filter(None, lists):
            self._lists.pop(list_key(entries), None)
            self._lists[list_key(entries)] = entries
        for key in list(self._lists)[:-MOST_LISTS]:
            del self._lists[key]
            self._scores.pop(key, None)

    def _read(self) -> None:
        path = self.out / REVIEW_FILE
        self._clicks = read_clicks([path]) if path.exists() else Clicks()
        for note in self._clicks.notes:
            LOG.warning("label-studio: %s", note)
        self.learned = read_learned(self.out, self.learned.mark)
        self._lists = {list_key(entries): entries for entries in self.learned.lists()}
        self._scores = {}
