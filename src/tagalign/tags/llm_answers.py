"""Answers of language models, read tolerantly: JSON, numbered bracket lists, prose around them, cut-off tails."""

import json
import re
from dataclasses import dataclass
from typing import Any

_NOTHING = frozenset({"", "none", "n/a", "na", "null", "nothing", "empty", "no objects", "no attributes"})
_ITEM_NOISE = re.compile(r"^(?:\(?\d{1,3}[.)]|[-*\u2022])\s+|^[\s\"'`*]+|[\s\"'`*.;]+$")
_LINE_NUMBER = re.compile(r"^\s*(\d{1,4})\s*[.):]")
MAX_TAG = 60  # characters; longer items are prose
MAX_TAGS = 100  # per caption; a model that repeats itself does not stop on its own


class UnreadableAnswerError(ValueError):
    """An answer without any list in it: a refusal, prose, or nothing."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model said about one caption.

    Attributes:
        objects: as written.
        attributes: ``(object, attribute)``; the object is "" where the answer does not name it.
    """

    objects: tuple[str, ...] = ()
    attributes: tuple[tuple[str, str], ...] = ()


def read_answer(text: str, *, mode: str, captions: int) -> list[Answer | None]:
    """Read the answer to a call.

    Args:
        text: the model's message.
        mode: "combined", "objects" or "attributes".
        captions: how many were asked about.

    Returns:
        One answer per caption; None for a caption that the message does not reach (a cut-off tail).

    Raises:
        UnreadableAnswerError: if there is nothing to read at all.

    Example:
        >>> read_answer("Sure! Here you go: [cat, 'red bowl', None", mode="objects", captions=1)
        [Answer(objects=('cat', 'red bowl'), attributes=())]
    """
    records = _json_records(text)
    if records:
        return _by_id([_answer_of(record) for record in records], [r.get("id") for r in records], captions)
    if mode == "combined":
        raise UnreadableAnswerError(f"expected JSON, got {text[:80]!r}")
    lists = _bracket_lists(text)
    if not lists and text.strip(" .'\"").lower() in _NOTHING and text.strip():
        lists = [(None, [])]
    if not lists:
        raise UnreadableAnswerError(f"expected a list in brackets, got {text[:80]!r}")
    if captions == 1 and not any(number for number, _ in lists[1:]):
        lists = lists[-1:] if not lists[0][1] else lists[:1]
    answers = [
        Answer(objects=tuple(items))
        if mode == "objects"
        else Answer(attributes=tuple(("", i) for i in items))
        for _, items in lists
    ]
    return _by_id(answers, [number for number, _ in lists], captions)


def _by_id(answers: list[Answer], ids: list[Any], captions: int) -> list[Answer | None]:
    """Put answers where their numbers say, or in their order where they have none."""
    if not all(isinstance(i, int) for i in ids) or captions == 1:
        ids = list(range(1, len(answers) + 1))
    found = dict(zip(ids, answers, strict=True))
    return [found.get(i) for i in range(1, captions + 1)]


def _json_records(text: str) -> list[dict[str, Any]]:
    """Result objects of a JSON answer; of a cut-off one those that are whole."""
    start = text.find("{")
    if start < 0:
        return []
    try:
        value, _ = json.JSONDecoder().raw_decode(text, start)
    except (ValueError, RecursionError):
        value = {"results": _whole_objects(text, text.find("[", start))}
    if not isinstance(value, dict):
        return []
    records = value["results"] if isinstance(value.get("results"), list) else [value]
    return [r for r in records if isinstance(r, dict) and ("objects" in r or "attributes" in r)]


def _whole_objects(text: str, start: int) -> list[Any]:
    decoder, values = json.JSONDecoder(), list[Any]()
    position = text.find("{", start) if start >= 0 else -1
    while position >= 0:
        try:
            value, end = decoder.raw_decode(text, position)
        except (ValueError, RecursionError):
            break
        values.append(value)
        position = text.find("{", end)
    return values


def _answer_of(record: dict[str, Any]) -> Answer:
    objects, attributes = record.get("objects"), record.get("attributes")
    pairs = []
    for item in attributes if isinstance(attributes, list) else []:
        if isinstance(item, dict):
            pairs.append((_clean(item.get("object")), _clean(item.get("attribute"))))
        else:
            pairs.append(("", _clean(item)))
    names = [_clean(item) for item in objects] if isinstance(objects, list) else []
    return Answer(_unique(names), tuple(dict.fromkeys(p for p in pairs[:MAX_TAGS] if p[1])))


def _bracket_lists(text: str) -> list[tuple[int | None, list[str]]]:
    """Lists in brackets, each with the number of its line; the last may lack its closing bracket."""
    lists = list[tuple[int | None, list[str]]]()
    depth, start = 0, 0
    for position, char in enumerate(text):
        if char == "[":
            depth, start = (depth + 1, start) if depth else (1, position + 1)
        elif char == "]" and depth:
            depth -= 1
            if not depth:
                lists.append((_number(text, start), _items(text[start:position])))
    if depth:  # cut off: the last item may be half a word
        lists.append((_number(text, start), _items(text[start:].split("\n\n")[0], cut=True)))
    return lists


def _number(text: str, position: int) -> int | None:
    line = text[text.rfind("\n", 0, position) + 1 : position]
    match = _LINE_NUMBER.match(line)
    return int(match[1]) if match else None


def _items(body: str, *, cut: bool = False) -> list[str]:
    parts = re.split(r"[,;\n\[\]]", body)
    if cut and len(parts) > 1 and not re.search(r"[\s\"']$", parts[-1]) and _clean(parts[-1]) not in _NOTHING:
        parts.pop()
    return list(_unique(_clean(part) for part in parts))


def _clean(item: object) -> str:
    if not isinstance(item, str):
        return ""
    text = item.strip()
    while (shorter := _ITEM_NOISE.sub("", text)) != text:
        text = shorter
    return "" if text.lower() in _NOTHING or len(text) > MAX_TAG else text


def _unique(items: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(item for item in items if item))[:MAX_TAGS]
