"""The third form of ``tagalign compare``: any number of results as one table, with published rows beside."""

import csv
import io
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tagalign.cli.verbs.compare.flags import CompareSettings

if TYPE_CHECKING:
    from tagalign.evaluate.side_by_side import SideBySide

TEXTS = ("system", "post", "source")


def compare_table(settings: CompareSettings) -> int:
    """Print the table, or write it to ``--out``."""
    from tagalign.atomic import atomic_write
    from tagalign.evaluate.published import find_numbers
    from tagalign.evaluate.results import read_result, title
    from tagalign.evaluate.side_by_side import side_by_side

    published = [number for name in settings.published for number in find_numbers([name], quoted=True)]
    found = side_by_side([read_result(path) for path in settings.paths], published)
    text = _formatted(settings, *_cells(found), name=f"{title(found.metric)} of {len(found.rows)} systems")
    if settings.out is None:
        print(text, end="")
        return 0
    with atomic_write(settings.out) as temp:
        temp.write_text(text, encoding="utf-8")
    print(f"written to {settings.out}", file=sys.stderr)
    return 0


def _cells(found: "SideBySide") -> tuple[list[str], list[list[str]]]:
    """Titles of the columns, and the rows as text."""
    from tagalign.evaluate.results import number

    means = list(found.means(found.rows[0]))
    head = [*TEXTS, *found.benchmarks, *means]
    rows = []
    for row in found.rows:
        values = [number(row.values[name]) if name in row.values else "" for name in found.benchmarks]
        rows.append([row.name, row.post, row.source, *values, *map(number, found.means(row).values())])
    return head, rows


def _formatted(
    settings: CompareSettings, head: Sequence[str], rows: Sequence[Sequence[str]], *, name: str
) -> str:
    if settings.table == "csv":
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([head, *rows])
        return text.getvalue()
    if settings.table == "html":
        from tagalign.pages.side_by_side import render_side_by_side

        return render_side_by_side(name, head, rows, texts=len(TEXTS))
    lines = [head, ["---"] * len(TEXTS) + ["--:"] * (len(head) - len(TEXTS)), *rows]
    escaped = ([cell.replace("|", r"\|") for cell in line] for line in lines)
    return "".join(f"| {' | '.join(line)} |\n" for line in escaped)
