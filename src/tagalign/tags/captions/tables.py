"""Captions in CSV and TSV: TSV never quotes; a CSV record may span lines, and one that is broken costs its first line alone.

Programs that know nothing of quotes write captions such as ``"Sunset`` into CSV files. Taken at its word, that quote
swallows rows until the next one. So a record is believed only when its quotes close properly and it has as many cells as
the header; else its first line is listed and reading goes on with the second.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from tagalign.errors import DataError
from tagalign.tags.captions.csv_records import CsvForm, CsvRecord, csv_records
from tagalign.tags.captions.rows import IMAGE, KEY, ReadRow, RowRule, bad_row, find_field
from tagalign.tags.text_files import text_lines

_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\s*')  # how Excel is told the separator, before the header


@dataclass(frozen=True, kw_only=True, slots=True)
class TableHead:
    """How a table is written.

    Attributes:
        names: of the columns; None for a table without a header line, whose columns are numbers.
        delimiter: between cells.
        quotes: whether cells may be quoted (CSV).
        strip: whether every cell of a TSV stands in quotes of its own, as its header does.
        lines: of the header, with blank ones before it.
        skips_blanks: whether blanks stand behind the delimiters of the header of a CSV.
        first_cells: number of cells in the first line of a table without a header line; 0 where it cannot be told.
    """

    names: tuple[str, ...] | None
    delimiter: str
    quotes: bool
    strip: bool = False
    lines: int = 1
    skips_blanks: bool = False
    first_cells: int = 0

    def form(self, rule: RowRule) -> CsvForm:
        """How its records are written."""
        names = self.names if self.names is not None else tuple(map(str, range(self.first_cells)))
        found = [find_field(names, name) for name in (rule.caption, rule.key, IMAGE)]
        caption, *others = [None if name is None else names.index(name) for name in found]
        named = [column for column in others if column is not None and column != caption]
        rest = [column for column in range(len(names)) if column != caption]
        return CsvForm(
            delimiter=self.delimiter,
            width=len(names) or None if self.names is None else len(names),
            named=tuple(named or rest),
            skips_blanks=self.skips_blanks,
        )


NumberedRow = tuple[int, ReadRow]
"""The number of a row's first line in its file, from 1, and the row."""


def csv_rows(path: Path, rule: RowRule) -> Iterator[ReadRow]:
    """Rows of a file with commas, or with semicolons or tabs where its header has those."""
    return _rows(path, rule, quotes=True)


def tsv_rows(path: Path, rule: RowRule) -> Iterator[ReadRow]:
    """Rows of a file with tabs; quotes mean nothing."""
    return _rows(path, rule, quotes=False)


def _rows(path: Path, rule: RowRule, *, quotes: bool) -> Iterator[ReadRow]:
    lines = text_lines(path)
    head, rest = read_head(path, lines, rule, quotes=quotes)
    return (row for _, row in table_rows(rest, head, rule, first=head.lines + 1))


def read_head(
    path: Path, lines: Iterator[str], rule: RowRule, *, quotes: bool
) -> tuple[TableHead, Iterator[str]]:
    """How a table is written, and its lines without the header.

    Raises:
        DataError: if the header lacks a column that the rule names.
    """
    first = next(lines, "")
    if rule.caption.isdecimal():
        mark = "," if quotes else "\t"
        count = len(_header(first, mark, quotes=quotes)) if first.count('"') % 2 == 0 else 0
        head = TableHead(names=None, delimiter=mark, quotes=quotes, lines=0, first_cells=count)
        return head, chain([first] if first else [], lines)
    count = 1
    while first.isspace():
        first, count = next(lines, ""), count + 1
    if not first:
        return TableHead(names=(), delimiter=",", quotes=quotes), lines
    delimiters = ",;\t|" if quotes else "\t"
    if quotes and (said := separator_said(first)):
        delimiters, first, count = said, next(lines, ""), count + 1
    named = {mark: _header(first, mark, quotes=quotes) for mark in delimiters}
    mark = next((m for m in delimiters if find_field(named[m], rule.caption)), delimiters[0])
    for wanted in (rule.caption, *((rule.key,) if rule.key != KEY else ())):
        if find_field(named[mark], wanted) is None:
            raise DataError(
                f"{path} has the columns {', '.join(named[mark])[:200]}, none of them is {wanted!r}; name the ones with "
                "the captions and the keys (or give their numbers, from 0, for a file without a header line)"
            )
    _refuse_twins(path, named[mark], rule)
    cells = first.rstrip("\r\n").split(mark)
    return TableHead(
        names=named[mark],
        delimiter=mark,
        quotes=quotes,
        strip=not quotes and all(len(cell) > 1 and cell[0] == cell[-1] == '"' for cell in cells),
        lines=count,
        skips_blanks=quotes and len(cells) > 1 and all(cell[:1] == " " for cell in cells[1:]),
    ), lines


def separator_said(line: str) -> str:
    """The separator that a line before the header tells Excel; empty for other lines."""
    match = _SEPARATOR_LINE.fullmatch(line)
    return match[1] if match else ""


def _refuse_twins(path: Path, names: Sequence[str], rule: RowRule) -> None:
    """Of two columns of one name nobody knows which counts."""
    for name in (rule.caption, rule.key, IMAGE):
        if names.count(find_field(tuple(names), name) or "") > 1:
            raise DataError(f"{path} has two columns called {name!r}; rename one of them")


def _header(line: str, delimiter: str, *, quotes: bool) -> tuple[str, ...]:
    text = line.rstrip("\r\n")
    if quotes:
        return tuple(next(csv.reader([text], delimiter=delimiter, skipinitialspace=True), []))
    return tuple(cell.strip('"') for cell in text.split(delimiter))


def table_rows(lines: Iterable[str], head: TableHead, rule: RowRule, *, first: int) -> Iterator[NumberedRow]:
    """The rows of these lines; blank lines are none.

    Args:
        lines: without the header, from the beginning of a record on.
        head: see ``read_head``.
        rule: which columns count.
        first: number of the first line in its file, for messages and keys.
    """
    width = None if head.names is None else len(head.names)
    records = (
        csv_records(iter(lines), head.form(rule), first)
        if head.quotes
        else _tsv_records(iter(lines), head, first)
    )
    for line, cells in records:
        if cells is not None and head.names is not None and width != 1 and tuple(cells) == head.names:
            continue  # files with headers that were put one behind the other
        if cells is None:
            message = "a quote that is never closed, or not where a cell ends; the lines behind it are read by themselves"
            yield line, bad_row(line, message, "broken row")
        elif width is not None and len(cells) > width and any(cells[width:]):
            message = f"{len(cells)} cells where the header has {width}"
            yield line, bad_row(line, message, "broken row")
        elif any(cells):
            names = head.names if head.names is not None else map(str, range(len(cells)))
            yield line, rule.row(dict(zip(names, cells, strict=False)), line)


def _tsv_records(lines: Iterator[str], head: TableHead, first: int) -> Iterator[CsvRecord]:
    for number, line in enumerate(lines, start=first):
        cells = line.rstrip("\r\n").split("\t")
        yield number, [_unquoted(cell) for cell in cells] if head.strip else cells


def _unquoted(cell: str) -> str:
    return cell[1:-1].replace('""', '"') if len(cell) > 1 and cell[0] == cell[-1] == '"' else cell
