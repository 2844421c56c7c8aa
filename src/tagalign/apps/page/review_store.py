"""A folder of photos under review: what a person decided about each, as clicks in ``review.jsonl``."""

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from tagalign.apps.page.texts import say
from tagalign.errors import DataError, InputError
from tagalign.export.records import Annotated, Region
from tagalign.export.result_index import ResultIndex
from tagalign.labels import BACKGROUND
from tagalign.ops.masks import decode_rle, encode_rle
from tagalign.tasks.photos.keys import key_of
from tagalign.tasks.review.click_file import ClickFile
from tagalign.tasks.review.clicks import REVIEW_FILE, Click
from tagalign.tasks.review.precision import TagPrecision
from tagalign.tasks.review.queue import Queue, Queued
from tagalign.types import Segmentation, Tagging


def mask_codes(regions: Sequence[Region]) -> tuple[tuple[str, str], ...]:
    """Name and compressed run-length code of each region."""
    return tuple(
        (region.name, encode_rle(torch.from_numpy(region.full_mask())).decode("ascii")) for region in regions
    )


class ReviewStore:
    """Clicks of one review; every one is on disk before the next photo is shown.

    Attributes:
        folder: that the photos lie below.
        photos: keys, relative to ``folder``, in the order in which they are shown.
        out: folder of the review.
        queue: of a run whose tags are reviewed; None where photos are shown by name.
        results: what that run found; None where a model is asked.
    """

    def __init__(
        self,
        folder: Path,
        photos: Sequence[str],
        out: Path,
        *,
        queue: Queue | None = None,
        results: ResultIndex | None = None,
    ) -> None:
        if not photos:
            raise InputError(say("review.empty", folder=folder))
        self.folder = folder
        self.photos = tuple(photos)
        self.out = out
        self.queue = queue
        self.results = results
        self._places = {} if queue is None else {one.key: one for one in queue.photos}
        self._key = key_of(str(folder.resolve()))
        self._file = ClickFile(self.path)
        older = self.photos if (out / "decisions").is_dir() else ()
        self._older = {name: click for name in older if (click := self._of_older_release(name))}
        self._last: list[tuple[str, Click]] = []

    @property
    def path(self) -> Path:
        """Of the clicks."""
        return self.out / REVIEW_FILE

    @property
    def notes(self) -> tuple[str, ...]:
        """What could not be read of the clicks, for people."""
        return tuple(self._file.clicks.notes)

    def refresh(self) -> None:
        """Take in what others decided since: another tab, or another page on the same folder."""
        self._file.refresh()

    def refusal(self) -> str:
        """Why no decision could be written, as far as it is known before one is tried; empty where one can."""
        place = next(one for one in (self.out, *self.out.parents) if one.exists())
        if not place.is_dir():
            return say("review.no_folder", path=place)
        if self.path.exists() and not os.access(self.path, os.W_OK):
            return say("review.read_only", path=self.path)
        return "" if os.access(place, os.W_OK | os.X_OK) else say("review.read_only", path=place)

    def save(self, click: Click, tab: str = "") -> None:
        """Write a click of a tab; it counts instead of an earlier one about the same photo."""
        if self.queue is not None and click.photo in self._places:
            click = self.queue.place(click, self._places[click.photo])
        self._last.append((tab, self._file.append(replace(click, folder=self._key))))

    def mark(self, photo: str) -> str:
        """Of the click that counts about a photo: another one has another mark; empty before there is one."""
        click = self.load(photo)
        return "" if click is None else f"{click.at} {click.verdict}"

    def queued(self, photo: str) -> Queued | None:
        """What the queue knows of a photo; None without a queue."""
        return self._places.get(photo)

    def precision(self) -> TagPrecision | None:
        """How many of the run's tags are right; None without a queue."""
        if self.queue is None:
            return None
        return self.queue.precision([c for name in self.photos if (c := self.load(name)) is not None])

    def undo(self, tab: str = "") -> str | None:
        """Take back the last click of a tab that was not taken back, and return its photo; None if there is none.

        Raises:
            InputError: if somebody else decided about that photo since: theirs would be taken back instead.
        """
        number = next((i for i in reversed(range(len(self._last))) if self._last[i][0] == tab), None)
        if number is None:
            return None
        _, click = self._last[number]
        self.refresh()
        if self.load(click.photo) != click:
            self._last.pop(number)
            raise InputError(say("review.decided_since", photo=click.photo))
        self._file.append(Click(photo=click.photo, verdict="undone", folder=self._key))
        self._last.pop(number)
        return click.photo

    def last_of(self, tab: str) -> str | None:
        """The photo that a tab decided about last; None before it did."""
        return next((click.photo for owner, click in reversed(self._last) if owner == tab), None)

    def load(self, photo: str) -> Click | None:
        """The click that counts about a photo; None before there is one."""
        return self._file.clicks.of(self._key, photo) or self._older.get(photo)

    def _of_older_release(self, photo: str) -> Click | None:
        """Releases before ``review.jsonl`` kept one small file per photo."""
        # a hash, because names may be long, nested, or differ in case only
        digest = hashlib.blake2b(photo.encode("utf-8", "surrogateescape"), digest_size=12).hexdigest()
        path = self.out / "decisions" / f"{digest}.json"
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            height, width = values["size"]
            return Click(
                photo=str(values["file_name"]),
                verdict="accepted" if values["verdict"] == "accepted" else "skipped",
                size=(int(height), int(width)),
                tags=tuple(map(str, values["tags"])),
                masks=tuple((str(mask["name"]), str(mask["counts"])) for mask in values["masks"]),
            )
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError, OSError) as error:
            raise DataError(say("review.damaged", path=path, kind=type(error).__name__)) from error

    def first_open(self, behind: int = -1) -> int:
        """Number of the first photo without a decision behind one, else before it; the next one when all have one."""
        count = len(self.photos)
        numbers = [(behind + 1 + i) % count for i in range(count)]
        return next((i for i in numbers if self.load(self.photos[i]) is None), numbers[0])

    def counts(self) -> dict[str, int]:
        """Photos by verdict, and how many are open."""
        verdicts = [None if (d := self.load(name)) is None else d.verdict for name in self.photos]
        return {
            "accepted": verdicts.count("accepted"),
            "skipped": verdicts.count("skipped"),
            "open": verdicts.count(None),
        }

    def accepted(self) -> Iterator[Annotated]:
        """Accepted photos with what stood at the time, for the exporters.

        Labels are ``background`` and the names of all accepted masks and tags, in alphabetical order, the same for
        all photos.
        """
        decisions = [
            d for name in self.photos if (d := self.load(name)) is not None and d.verdict == "accepted"
        ]
        found = {name for d in decisions for name, _ in d.masks} | {tag for d in decisions for tag in d.tags}
        names = (BACKGROUND, *sorted(found - {BACKGROUND}))
        for decision in decisions:
            yield _annotated(decision, names)


def _annotated(decision: Click, names: tuple[str, ...]) -> Annotated:
    labels = torch.zeros(decision.size, dtype=torch.int64)
    for name, counts in decision.masks:
        labels[decode_rle(counts.encode("ascii"), decision.size)] = names.index(name)
    chosen = tuple(names.index(tag) - 1 for tag in decision.tags if tag != BACKGROUND)
    given = frozenset(chosen)
    scores = tuple(1.0 if i in given else 0.0 for i in range(len(names) - 1))
    return Annotated(
        file_name=decision.photo,
        size=decision.size,
        segmentation=Segmentation(labels=labels, names=names, scores=torch.ones(decision.size)),
        tagging=Tagging(names=names[1:], scores=scores, chosen=chosen),
    )
