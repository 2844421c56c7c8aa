"""The page of ``tagalign compare --table html``: systems down, benchmarks across, the best number of each column marked."""

from collections.abc import Sequence

from markupsafe import Markup

from tagalign.pages.document import document, note, section
from tagalign.pages.tables import table


def render_side_by_side(title: str, head: Sequence[str], rows: Sequence[Sequence[str]], *, texts: int) -> str:
    """The page.

    Args:
        title: of it.
        head: titles of the columns.
        rows: cells; an empty one or a dash is no number.
        texts: how many columns, from the left, are text.
    """
    best = {place: _best([row[place] for row in rows]) for place in range(texts, len(head))}
    shown = [
        [
            Markup("<strong>{}</strong>").format(cell) if cell and cell == best.get(i) else cell
            for i, cell in enumerate(row)
        ]
        for row in rows
    ]
    numbers = range(texts, len(head))
    small = (
        "Percent. Bold: the highest number of a column. Published rows are quoted with their own protocols."
    )
    return document(title, section(title, table(head, shown, numbers=numbers), note(small)), wide=True)


def _best(cells: Sequence[str]) -> str | None:
    values = [cell for cell in cells if cell.strip() not in {"", "-"}]
    return max(values, key=float, default=None)
