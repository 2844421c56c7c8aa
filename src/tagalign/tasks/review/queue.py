"""The order in which a person checks a run: most doubtful photos first, near duplicates together, and some drawn at random.

Every fifth place holds a photo that was drawn at random from all: without those nobody could say how good the rest is.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tagalign.errors import DataError, InputError
from tagalign.labels import BACKGROUND
from tagalign.ops.alike import group_alike
from tagalign.tasks.photos.doubts import DOUBTS, DoubtKind, doubt_of
from tagalign.tasks.photos.embeds import read_embeds
from tagalign.tasks.photos.folder_doubts import folder_errors
from tagalign.tasks.photos.rows import count_rows, read_rows
from tagalign.tasks.photos.tables import MASK_FILES, MASKS, TAGS, count_lines, read_lines
from tagalign.tasks.review.clicks import Click, DrawnBy
from tagalign.tasks.review.precision import Judged, TagPrecision, estimate_precision

EVERY = 5
"""One photo in so many is drawn at random."""
GROUPED = 20_000
"""Near duplicates are looked for among so many photos of most doubt: beyond them it would take minutes."""


@dataclass(frozen=True, kw_only=True)
class Queued:
    """A photo in the queue.

    Attributes:
        key: of the photo.
        tags: that the run gave it.
        doubt: higher comes first; None where the run does not know.
        rank: its place in the order of doubts alone, from 0.
        drawn: why it has its place in the queue.
        alike: photos of the queue that it stands for, because they are nearly the same and come right behind it.
    """

    key: str
    tags: tuple[str, ...]
    doubt: float | None = None
    rank: int = 0
    drawn: DrawnBy = "doubt"
    alike: int = 0


@dataclass(frozen=True, kw_only=True)
class Queue:
    """All photos of a run in the order in which they are shown.

    Attributes:
        names: labels of the run, ``background`` among them where it has one.
        order: what the doubt is.
        photos: in order.
        mark: 16 hex digits of the order; places in another order mean something else.
    """

    names: tuple[str, ...]
    order: DoubtKind
    photos: tuple[Queued, ...]
    mark: str

    @property
    def asked(self) -> tuple[str, ...]:
        """The labels that a person judges: the background is what is left."""
        return tuple(name for name in self.names if name != BACKGROUND)

    def place(self, click: Click, queued: Queued) -> Click:
        """A click with the place of its photo."""
        return replace(click, drawn=queued.drawn, rank=queued.rank, photos=len(self.photos), queue=self.mark)

    def precision(self, clicks: Sequence[Click]) -> TagPrecision:
        """How many of the run's tags are right.

        Clicks about other labels count as no judgement. What was judged in another order counts for itself alone.
        """
        clicked = {click.photo: click for click in clicks}
        judged = {
            one.key: clicked[one.key]
            for one in self.photos
            if one.key in clicked
            and clicked[one.key].verdict == "accepted"
            and set(clicked[one.key].labels) - {BACKGROUND} == set(self.asked)
        }
        last = max((one.rank for one in self.photos if self._here(judged.get(one.key), "doubt")), default=-1)
        found, unknown = [], 0
        for one in self.photos:
            click = judged.get(one.key)
            if click is not None:
                wrong = len(set(one.tags) - set(click.tags))
                in_rest = self._here(click, "random") and one.rank > last
                found.append(Judged(given=len(one.tags), wrong=wrong, in_rest=in_rest))
            elif one.rank <= last or one.key in clicked:
                unknown += len(one.tags)
        return estimate_precision(found, tags=sum(len(one.tags) for one in self.photos), unknown=unknown)

    def _here(self, click: Click | None, drawn: DrawnBy) -> bool:
        return click is not None and click.queue == self.mark and click.drawn == drawn


def read_queue(folder: Path, names: Sequence[str], order: DoubtKind | None = None) -> Queue:
    """The queue of a run of ``tag`` or ``segment``.

    Args:
        folder: of its results.
        names: of its labels.
        order: what the doubt is; the first of ``DOUBTS`` that the run has by default.

    Raises:
        DataError: if there are no results.
        InputError: if the run does not have such doubts.
    """
    found: list[tuple[Queued, Tensor | None]] = []
    for key, tags, values, embed in _photos(folder, names):
        order = order or _first_order(values)
        found.append((Queued(key=key, tags=tags, doubt=doubt_of(values, order)), embed))
    if not found or order is None:
        raise DataError(
            f"{folder}: no results of tag or segment in this folder; expected what they wrote to --out"
        )
    if all(one.doubt is None for one, _ in found):
        raise InputError(
            f"--order {order}: {folder} has no such numbers; choose another order, or run it again"
        )
    return make_queue(found, names, order)


def make_queue(
    found: Sequence[tuple[Queued, Tensor | None]], names: Sequence[str], order: DoubtKind
) -> Queue:
    """Photos with their doubts, and with vectors where there are any, in the order in which they are shown.

    Args:
        found: in any order.
        names: of the labels.
        order: what the doubt is.
    """
    # of equal doubts, and behind all others those without one, in the order of their names
    ordered = sorted(
        found, key=lambda pair: (-(pair[0].doubt if pair[0].doubt is not None else -torch.inf), pair[0].key)
    )
    ranked = [replace(one, rank=rank) for rank, one in enumerate(_together(ordered))]
    photos = tuple(_with_draws(ranked))
    text = "\n".join(one.key for one in photos)
    mark = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return Queue(names=tuple(names), order=order, photos=photos, mark=mark)


def _first_order(values: dict[str, Any]) -> DoubtKind:
    found: DoubtKind = next((name for name in DOUBTS if values.get(name) is not None), "margin")
    return found


def _photos(
    folder: Path, names: Sequence[str]
) -> Iterator[tuple[str, tuple[str, ...], dict[str, Any], Tensor | None]]:
    """Key, tags, doubts and vector of every photo."""
    for table in (TAGS, MASKS, MASK_FILES):
        paths = sorted((folder / table.folder).glob(f"part-*{table.ending}"))
        errors = iter((folder_errors(paths, names) if table is TAGS and paths else None) or ())
        for path in paths:
            count = count_lines(path) if table.schema is None else count_rows([path])
            embeds = read_embeds(folder / "embeds" / f"{path.stem}.npy", count)
            rows = read_lines(path) if table.schema is None else read_rows([path])
            for i, row in enumerate(rows):
                found = row.get("tags") or row.get("names") or row.get("shares") or ()
                tags = tuple(str(one) for one in found if one != BACKGROUND)
                key = row["path"] if "path" in row else row["key"]
                if isinstance(key, str):
                    values = {**row, "errors": next(errors, row.get("errors"))}
                    yield key, tags, values, None if embeds is None else embeds[i]


def _together(found: Sequence[tuple[Queued, Tensor | None]]) -> list[Queued]:
    """Behind each photo those that are nearly the same."""
    first, photos = [embed for _, embed in found[:GROUPED]], [one for one, _ in found]
    known = [embed for embed in first if embed is not None]
    if len(known) < len(first) or len({embed.shape for embed in known}) != 1:
        return photos
    groups: dict[int, list[int]] = {}
    for i, owner in enumerate(group_alike(torch.stack(known)).tolist()):
        groups.setdefault(owner, []).append(i)
    ordered = [
        replace(photos[i], alike=len(group) - 1 if i == owner else 0)
        for owner, group in groups.items()
        for i in group
    ]
    return [*ordered, *photos[GROUPED:]]


def _with_draws(ranked: Sequence[Queued]) -> Iterator[Queued]:
    """The order of doubts with every fifth place drawn from all, by a hash of the key: anywhere, the same draws."""
    drawn = iter(sorted(ranked, key=lambda one: _hash(one.key)))
    doubted = iter(ranked)
    seen: set[str] = set()
    for place in range(len(ranked)):
        at_random = place % EVERY == EVERY - 1
        one = next(one for one in (drawn if at_random else doubted) if one.key not in seen)
        seen.add(one.key)
        yield replace(one, drawn="random") if at_random else one


def _hash(key: str) -> bytes:
    return hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).digest()
