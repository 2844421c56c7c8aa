"""Captions by the line: JSONL and plain text."""

import json
from collections.abc import Iterator
from pathlib import Path

from tagalign.tags.captions.rows import Row, RowRule, bad_row, checked
from tagalign.tags.text_files import text_lines

_decode = json.JSONDecoder().decode  # what json.loads comes to, without asking each time


def json_line(line: str, rule: RowRule, place: object) -> Row:
    """The row of one line of JSON."""
    try:
        record = _decode(line)
    except (ValueError, RecursionError) as error:
        return bad_row(place, f"not JSON: {error}", "not JSON")
    return rule.row(record, place)


def jsonl_rows(path: Path, rule: RowRule) -> Iterator[Row]:
    """A record a line; blank lines are no rows."""
    for number, line in enumerate(text_lines(path), start=1):
        try:
            record = _decode(line)
        except (ValueError, RecursionError):
            if not line.isspace():
                yield json_line(line, rule, number)
        else:
            yield rule.row(record, number)


def txt_rows(path: Path, rule: RowRule) -> Iterator[Row]:
    """A caption a line, with a key of its place."""
    for number, line in enumerate(text_lines(path), start=1):
        if caption := line.strip():
            yield checked(f"{rule.stem}:{number}", caption, number)
