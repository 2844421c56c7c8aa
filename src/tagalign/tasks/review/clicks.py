"""``review.jsonl``: one line per click, appended and flushed to the disk before the next photo is shown.

The last line about a photo counts; ``undone`` takes it back, and the one before counts again. A line that was cut by a kill
or a full disk costs itself alone: the next click begins a line of its own.
"""

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from tagalign.atomic import flush_folder, refused_in_one_line
from tagalign.errors import DataError
from tagalign.json_text import json_text

ClickVerdict = Literal["accepted", "skipped", "undone"]
VERDICTS: tuple[ClickVerdict, ...] = ("accepted", "skipped", "undone")
DrawnBy = Literal["doubt", "random"]
REVIEW_FILE = "review.jsonl"
_BEGIN = '{"at"'
_DECODER = json.JSONDecoder()


@dataclass(frozen=True, kw_only=True)
class Click:
    """What a person decided about one photo.

    Attributes:
        photo: its key, relative to ``folder``.
        verdict: what was decided.
        at: when, in UTC, as ISO 8601 writes it.
        folder: key of the folder that the photo lies below; empty where ``photo`` is a path.
        size: height and width in pixels; (0, 0) where it was not opened.
        labels: that were asked.
        given: tags that were suggested.
        tags: that a person let stand or added.
        masks: name and compressed run-length code of each region that was let stand.
        drawn: why the queue showed it; None without a queue.
        rank: its place in the order of doubts, from 0; None without a queue.
        photos: in the queue.
        queue: mark of the order in which the queue showed them; empty without a queue.
        source: annotation of another tool that it came from (``label-studio:17``); empty where a person clicked here.
    """

    photo: str
    verdict: ClickVerdict
    at: str = ""
    folder: str = ""
    size: tuple[int, int] = (0, 0)
    labels: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    masks: tuple[tuple[str, str], ...] = ()
    drawn: DrawnBy | None = None
    rank: int | None = None
    photos: int | None = None
    queue: str = ""
    source: str = ""


@dataclass(kw_only=True)
class Clicks:
    """What is known from clicks.

    Attributes:
        histories: clicks about each photo that were not taken back, by folder and key of the photo.
        notes: what could not be read, for people.
    """

    histories: dict[tuple[str, str], list[Click]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, click: Click) -> None:
        """Take in the next click."""
        history = self.histories.setdefault((click.folder, click.photo), [])
        if click.verdict != "undone":
            history.append(click)
        elif history:
            history.pop()

    def of(self, folder: str, photo: str) -> Click | None:
        """The click that counts about a photo."""
        history = self.histories.get((folder, photo))
        return history[-1] if history else None

    def counting(self) -> list[Click]:
        """The click that counts about each photo, in the order of the first ones."""
        return [history[-1] for history in self.histories.values() if history]

    def without(self, source: str) -> list[Click]:
        """Clicks to append so that those of a source count no more: its photos' are taken back, the others said again."""
        said = [
            history for history in self.histories.values() if any(one.source == source for one in history)
        ]
        return [
            click
            for history in said
            for click in (
                *(Click(photo=one.photo, folder=one.folder, verdict="undone") for one in history),
                *(replace(one, at="") for one in history if one.source != source),
            )
        ]

    def disagreements(self) -> list[str]:
        """Photos that were accepted more than once, with other tags for the same labels."""
        return [photo for (_, photo), history in self.histories.items() if _differ(history)]


def append_click(path: Path, click: Click) -> Click:
    """Append a click, stamped with the time; it is on the disk when this returns.

    Args:
        path: of the file; it and its folder are made at the first click.
        click: to write.

    Raises:
        InputError: if the system refuses to write.
    """
    return append_clicks(path, [click])[0]


def append_clicks(path: Path, clicks: Sequence[Click]) -> list[Click]:
    """Append clicks that belong together in one piece; see ``append_click``.

    Raises:
        InputError: if the system refuses to write.
    """
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    stamped = [replace(click, at=click.at or now) for click in clicks]
    # letters as escapes: a line that is cut anywhere is still text
    line = b"".join(json_text(_values(click)).encode("ascii") + b"\n" for click in stamped)
    with refused_in_one_line(path):
        is_new = not path.exists()
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab+", buffering=0) as file:
            whole = _ends_whole(file)
            written = file.write(line if whole else b"\n" + line)
            if written != len(line) + (not whole):
                raise OSError(f"only {written} bytes of the click could be written")
            os.fsync(file.fileno())
        if is_new:
            flush_folder(path.parent)
    return stamped


def read_clicks(paths: Sequence[Path]) -> Clicks:
    """The clicks of some files together; of two about one photo the later one counts.

    Lines that cannot be used are left out and noted.

    Raises:
        DataError: if there is no such file, or it cannot be read.
    """
    clicks, found = list[Click](), Clicks()
    for path in paths:
        for number, (some, is_whole) in enumerate(click_lines(path), start=1):
            clicks += some
            if not is_whole:
                found.notes.append(damage(path, number, len(some)))
    if len(paths) > 1:  # within one file the lines are the order, whatever the clock did
        clicks.sort(key=lambda click: click.at)
    for click in clicks:
        found.add(click)
    return found


def click_lines(path: Path) -> Iterator[tuple[list[Click], bool]]:
    """The clicks of each line, and whether it held nothing else.

    Raises:
        DataError: if there is no such file, or it cannot be read.
    """
    try:
        with path.open("rb") as file:
            for line in file:
                yield clicks_of_line(line)
    except OSError as error:
        raise DataError(f"{path}: expected the {REVIEW_FILE} of a review ({error.strerror})") from error


# --- one line ---------------------------------------------------------------------------------------------------------


def clicks_of_line(raw: bytes) -> tuple[list[Click], bool]:
    """The clicks of a line and whether it held nothing else; files joined by ``cat`` may have several in one."""
    line = raw.decode("utf-8", "replace").strip()
    clicks, place, is_whole = list[Click](), 0, True
    while 0 <= place < len(line):
        try:
            values, end = _DECODER.raw_decode(line, place)
            clicks.append(_click(values))
            place = end
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
            is_whole = False
            place = line.find(_BEGIN, place + 1)
    return clicks, is_whole


def damage(path: Path, number: int, used: int) -> str:
    """What is said of a line that holds more than clicks, or less."""
    rest = f"{used} whole clicks in it are used" if used else "nothing in it is used"
    return f"{path}, line {number}: cut or damaged; {rest}"


def _click(values: dict[str, Any]) -> Click:
    verdict, drawn = values["verdict"], values.get("drawn")
    if verdict not in VERDICTS or drawn not in (None, "doubt", "random"):
        raise ValueError(f"unknown verdict {verdict!r} or drawing {drawn!r}")
    if not isinstance(values["photo"], str):
        raise TypeError("a photo is named by a text")
    height, width = values.get("size") or (0, 0)
    return Click(
        photo=values["photo"],
        verdict=verdict,
        at=str(values.get("at", "")),
        folder=str(values.get("folder", "")),
        size=(int(height), int(width)),
        labels=_texts(values, "labels"),
        given=_texts(values, "given"),
        tags=_texts(values, "tags"),
        masks=tuple((str(mask["name"]), str(mask["counts"])) for mask in values.get("masks", [])),
        drawn=drawn,
        rank=None if values.get("rank") is None else int(values["rank"]),
        photos=None if values.get("photos") is None else int(values["photos"]),
        queue=str(values.get("queue", "")),
        source=str(values.get("source", "")),
    )


def _texts(values: dict[str, Any], name: str) -> tuple[str, ...]:
    found = values.get(name, [])
    if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
        raise TypeError(f"{name} is a list of texts")
    return tuple(found)


def _values(click: Click) -> dict[str, Any]:
    """As JSON; the time comes first, by it the beginning of a click is found in a damaged line."""
    values = {"at": click.at} | vars(click)  # not asdict, which copies every label of every click
    return values | {"masks": [{"name": name, "counts": counts} for name, counts in click.masks]}


def _differ(history: Iterable[Click]) -> bool:
    tags: dict[frozenset[str], set[frozenset[str]]] = {}
    # an annotation that was corrected does not disagree with itself
    last = {click.source or place: click for place, click in enumerate(history)}
    for click in last.values():
        if click.verdict == "accepted":
            tags.setdefault(frozenset(click.labels), set()).add(frozenset(click.tags))
    return any(len(several) > 1 for several in tags.values())


# --- the disk ---------------------------------------------------------------------------------------------------------


def _ends_whole(file: Any) -> bool:
    """Whether the last line has its end; a kill or a full disk may have cut it."""
    if file.seek(0, os.SEEK_END) == 0:
        return True
    file.seek(-1, os.SEEK_END)
    return bool(file.read(1) == b"\n")
