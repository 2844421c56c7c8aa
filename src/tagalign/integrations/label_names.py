"""Two names of one label: what a project of another tool calls it, and the words that an encoder is asked with.

A label of a tool is often no English: ``traffic_light``, ``Hund``, ``veh-4w``. An encoder reads words, so what is asked and
what comes out are kept apart here.
"""

import json
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tagalign.errors import DataError, InputError
from tagalign.labels import BACKGROUND, LabelSet
from tagalign.tags.label_lines import is_plain
from tagalign.tags.label_sets import load_label_set
from tagalign.tags.normalize import normalize_tag
from tagalign.tags.same_label import same_label, split_names, tidy_name
from tagalign.tags.text_files import read_text

SEPARATOR = "|"
"""Between labels in a text of one line: the words of a label hold commas."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class ToolLabels:
    """What is asked, and under which names it comes out.

    Attributes:
        labels: with the words that the encoder reads.
        shown: the tool's name of a label that is asked; one without a name there competes and never comes out.
    """

    labels: LabelSet
    shown: Mapping[str, str]

    @property
    def names(self) -> tuple[str, ...]:
        """The tool's names that can come out, each once, in the order of the labels; ``background`` is none."""
        found = dict.fromkeys(self.shown[name] for name in self.labels.names if name in self.shown)
        return tuple(name for name in found if same_label(name) != BACKGROUND)

    @property
    def numbers(self) -> dict[str, int]:
        """Place among ``names`` of each label that is asked and can come out."""
        place = {name: i for i, name in enumerate(self.names)}
        return {name: place[their] for name, their in self.shown.items() if their in place}


def asked_labels(
    labels: str | Sequence[str], *, theirs: Sequence[str] = (), renamed: Mapping[str, str] | None = None
) -> ToolLabels:
    """Labels to ask for, matched with the names of a tool.

    Without ``labels`` the tool's own names are asked, ``_`` and ``-`` read as blanks. Without ``theirs`` the labels come out
    as they were typed.

    Args:
        labels: anything ``load_label_set`` reads; in a text of one line ``|`` parts labels that have words of their own:
            ``cup: mug; not trophy | table``.
        theirs: names of the tool.
        renamed: the tool's name of a label, where neither its name nor one of its other words is that.

    Raises:
        InputError: for labels that cannot be read, a renamed label that is not asked, and where no label has a name there.

    Example:
        >>> asked_labels("dog: puppy | traffic light", theirs=["Traffic_Light", "Puppy"]).shown
        {'dog': 'Puppy', 'traffic light': 'Traffic_Light'}
        >>> asked_labels("", theirs=["traffic_light"]).shown
        {'traffic light': 'traffic_light'}
    """
    if not labels and not theirs:
        raise InputError("give labels, such as labels='dog,red car', or the names of the task as task_labels")
    _check_letters([labels] if isinstance(labels, str) else labels)
    typed = _read(labels or list(theirs))
    asked = replace(typed, labels=tuple(replace(one, name=spoken(one.name)) for one in typed.labels))
    if len(set(map(same_label, asked.names))) < len(asked):
        asked = load_label_set(list(asked.names))  # says which two are one
    written = dict(zip(asked.names, typed.names, strict=True))
    shown = _renamed(asked, renamed or {})
    if not theirs:
        return ToolLabels(labels=asked, shown=written | shown)
    shown = {**_matched(asked, theirs), **shown}
    if not shown:
        raise InputError(
            f"none of the labels {', '.join(asked.names)} is a label there ({', '.join(theirs)}); give those names, other "
            "words of a label (dog: puppy), or names='dog=Hund'"
        )
    if without := [name for name in asked.names if name not in shown]:
        logger.warning("labels without a name there compete and never come out: %s", ", ".join(without))
    return ToolLabels(labels=asked, shown={name: shown[name] for name in asked.names if name in shown})


def checked_threshold(name: str, value: float | None) -> float | None:
    """A threshold of scores that a tool hands over; above every score and below every one it may be, but it is a number.

    Raises:
        InputError: if it is none: nothing is as much as that, so every photo would be empty without a word.
    """
    if value is not None and not value == value:
        raise InputError(f"{name}: expected a number from 0 to 1, or none, got {value}")
    return value


def spoken(name: str) -> str:
    """A name as a text encoder should read it.

    >>> spoken("traffic_light"), spoken("T-shirt")
    ('traffic light', 'T-shirt')
    """
    return tidy_name(name.replace("_", " ")) or name


def _check_letters(texts: Sequence[str]) -> None:
    """Half of a character, which JSON can escape, is no text to any encoder."""
    if broken := next((text for text in texts if re.search("[\ud800-\udfff]", text)), None):
        raise InputError(f"labels: expected text, got half of a character in {broken!a:.100}")


def _read(labels: str | Sequence[str]) -> LabelSet:
    if isinstance(labels, str) and (SEPARATOR in labels or _is_one_line(labels)):
        return load_label_set([part for part in map(tidy_name, labels.split(SEPARATOR)) if part])
    return load_label_set(labels)


def _is_one_line(text: str) -> bool:
    """Whether a text is one label with its words; ``cat,dog: puppy`` could be one or two, and is refused."""
    return "\n" not in text and not is_plain(text) and not re.search("[,;]", text.partition(":")[0])


def _renamed(asked: LabelSet, renamed: Mapping[str, str]) -> dict[str, str]:
    known = {same_label(name): name for name in asked.names}
    for name in renamed:
        if same_label(name) not in known:
            raise InputError(f"names: {name!r} is none of the labels ({', '.join(asked.names)})")
    return {known[same_label(name)]: their for name, their in renamed.items()}


def _matched(asked: LabelSet, theirs: Sequence[str]) -> dict[str, str]:
    """The nearest name of the tool: the same spelling, then the same words, then one of the label's other words."""
    by_form = [{form(name): name for name in reversed(theirs)} for form in (str, same_label, _loose)]
    found = {}
    for label in asked.labels:
        for word in (label.name, *label.aliases):
            keys = (word, same_label(word), _loose(word))
            match = next((names[key] for names, key in zip(by_form, keys, strict=True) if key in names), None)
            if match is not None:
                found[label.name] = match
                break
    return found


def _loose(name: str) -> str:
    """Without marks between words and endings of plurals: ``Traffic-Lights`` and ``traffic light`` are one."""
    words = same_label(name.replace("_", " ").replace("-", " "))
    return normalize_tag(words) or words


def their_names(text: str) -> tuple[str, ...]:
    """Names of a tool: between commas or ``|``, or the labels of a CVAT task as its "Raw" page gives them, in a ``.json``.

    Raises:
        InputError: for a file that is not there or holds something else.
    """
    if text.lower().endswith(".json"):
        return _from_raw(Path(text))
    parts = text.split(SEPARATOR) if SEPARATOR in text else split_names(text) if text.strip() else []
    return tuple(name for name in map(str.strip, parts) if name)


def _from_raw(path: Path) -> tuple[str, ...]:
    try:
        rows = json.loads(read_text(path))
        names = tuple(str(row["name"]) for row in rows)
    except (DataError, OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f'{path}: expected the labels of a task as CVAT gives them, [{{"name": "dog", ...}}, ...] ({error})'
        ) from error
    if not names:
        raise InputError(f"{path}: holds no label; give the labels of the task")
    return names


def assignments(text: str) -> dict[str, str]:
    """``dog=Hund | cat=Katze`` as a dict.

    Raises:
        InputError: for a part without ``=``.
    """
    parts = [part.strip() for part in text.split(SEPARATOR) if part.strip()]
    pairs = [part.partition("=") for part in parts]
    for part, (name, sign, their) in zip(parts, pairs, strict=True):
        if not (name.strip() and sign and their.strip()):
            raise InputError(f"names: expected LABEL=NAME | LABEL=NAME, got {part!r}")
    return {name.strip(): their.strip() for name, _, their in pairs}
