"""Lists that people and spreadsheets write: an entry per line, or a table with a header; any quotes and encoding."""

import csv
from collections.abc import Sequence
from pathlib import Path

from tagalign.errors import DataError
from tagalign.tags.captions.rows import find_field
from tagalign.tags.captions.tables import separator_said
from tagalign.tags.text_files import read_text


def read_list(path: Path) -> list[str]:
    """The entries of a text file, one per line; outer blanks, quotes around a whole line and blank lines go.

    Raises:
        DataError: if it cannot be read.
    """
    lines = (line.strip() for line in read_text(path).split("\n"))
    return [unquoted(line) for line in lines if line]


def unquoted(text: str) -> str:
    """A cell without the quotes that a spreadsheet puts around it.

    >>> unquoted('"hot dog, big"'), unquoted('5" pipe')
    ('hot dog, big', '5" pipe')
    """
    if len(text) > 1 and text[0] == text[-1] == '"':
        return text[1:-1].replace('""', '"').strip()
    return text


def read_table(path: Path, wanted: Sequence[str]) -> list[tuple[int, dict[str, str]]]:
    """The rows of a table with a header, with the number of their line; cells are tidy texts by their column's name.

    Args:
        path: cells are parted by tabs, semicolons or commas, whichever the header uses.
        wanted: columns that must be there, in any case.

    Raises:
        DataError: if it cannot be read, or a column is missing.
    """
    lines = read_text(path).split("\n")
    start = next((i for i, line in enumerate(lines) if line.strip()), 0)
    if said := separator_said(lines[start]):
        start = next((i for i, line in enumerate(lines) if i > start and line.strip()), start)
    mark = said or next((m for m in "\t;," if m in lines[start]), "\t")
    reader = csv.reader([line + "\n" for line in lines[start:]], delimiter=mark)
    try:
        names = tuple(cell.strip() for cell in next(reader, []))
        for name in wanted:
            if find_field(names, name) is None:
                raise DataError(
                    f"{path}: the first line must be {'<TAB>'.join(wanted)}, "
                    f"it has no {name!r} but {', '.join(names)[:200] or 'nothing'}"
                )
        keys = [name.casefold() for name in names]
        rows = [(start + reader.line_num, [cell.strip() for cell in cells]) for cells in reader]
    except csv.Error as error:
        raise DataError(f"{path}:{start + reader.line_num}: {error}") from error
    return [(line, dict(zip(keys, cells, strict=False))) for line, cells in rows if any(cells)]
