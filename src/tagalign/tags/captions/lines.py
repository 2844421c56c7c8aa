"""Captions by the line: JSONL and plain text."""

import json
from collections.abc import Iterator
from pathlib import Path

from tagalign.errors import DataError
from tagalign.tags.captions.rows import ReadRow, RowRule, bad_row, checked
from tagalign.tags.text_files import text_lines

_decode = json.JSONDecoder().decode  # what json.loads comes to, without asking each time


def json_line(line: str, rule: RowRule, place: object) -> ReadRow:
    """The row of one line of JSON."""
    try:
        record = _decode(line)
    except (ValueError, RecursionError) as error:
        return bad_row(place, f"not JSON: {error}", "not JSON")
    return rule.row(record, place)


def refuse_document(path: Path, first: str) -> None:
    """Refuse a JSON document under the name of lines of JSON, by its first line.

    Raises:
        DataError: naming the ending that it must have.
    """
    text = first.strip()
    if text in ("[", "{") or text.startswith("[{"):
        raise DataError(f"{path} holds one JSON document, not a record a line; its name must end in .json")


def jsonl_rows(path: Path, rule: RowRule) -> Iterator[ReadRow]:
    """A record a line; blank lines are no rows.

    Raises:
        DataError: if it is a JSON document.
    """
    for number, line in enumerate(text_lines(path), start=1):
        if number == 1:
            refuse_document(path, line)
        try:
            record = _decode(line)
        except (ValueError, RecursionError):
            if not line.isspace():
                yield json_line(line, rule, number)
        else:
            yield rule.row(record, number)


def txt_rows(path: Path, rule: RowRule) -> Iterator[ReadRow]:
    """A caption a line, with a key of its place."""
    for number, line in enumerate(text_lines(path), start=1):
        if caption := line.strip():
            yield checked(f"{rule.stem}:{number}", caption, number)
