"""Tables, lists of facts, bars and chips."""

from collections.abc import Collection, Iterable, Sequence

from markupsafe import Markup

from tagalign.pages.document import joined


def table(
    head: Sequence[object], rows: Iterable[Sequence[object]], *, numbers: Collection[int] = (), kind: str = ""
) -> Markup:
    """Rows under a head, scrolling sideways on a narrow screen.

    Args:
        head: titles of the columns.
        rows: cells; text is escaped.
        numbers: places of the columns that hold numbers, which stand to the right.
        kind: a class of the stylesheet, such as ``sentences``.
    """
    return Markup(
        '<div class="scroll"><table class="{}"><thead>{}</thead>\n<tbody>{}</tbody></table></div>\n'
    ).format(
        kind,
        _row("th", head, numbers),
        joined(_row("td", row, numbers) for row in rows),
    )


def _row(tag: str, cells: Sequence[object], numbers: Collection[int]) -> Markup:
    shown = (
        Markup("<{0}{1}>{2}</{0}>").format(tag, Markup(' class="n"') if i in numbers else "", cell)
        for i, cell in enumerate(cells)
    )
    return Markup("<tr>{}</tr>\n").format(joined(shown))


def facts(pairs: Iterable[tuple[object, object]]) -> Markup:
    """Words and their values, one pair a line."""
    rows = (Markup("<tr><th>{}</th><td>{}</td></tr>\n").format(*pair) for pair in pairs)
    return Markup('<table class="facts"><tbody>{}</tbody></table>\n').format(joined(rows))


def over_bar(shown: object, share: float) -> Markup:
    """A number of a table over a bar of its size; ``share`` is in [0, 1] and is cut to it."""
    return Markup('<span class="under" style="width:{:.1f}%"></span><span>{}</span>').format(
        100 * _cut(share), shown
    )


def track(parts: Iterable[tuple[float, str, str]]) -> Markup:
    """A bar of pieces: ``(share in [0, 1], class of the stylesheet, what it is)``."""
    pieces = (
        Markup('<i class="{}" style="width:{:.2f}%" title="{}"></i>').format(kind, 100 * _cut(share), title)
        for share, kind, title in parts
    )
    return Markup('<span class="track">{}</span>').format(joined(pieces))


def bar(name: object, share: float, shown: object) -> Markup:
    """A line of ``bars``: a name, a bar of ``share`` in [0, 1], a number."""
    return Markup('<div class="bar"><span class="name" title="{0}">{0}</span>{1}<b>{2}</b></div>\n').format(
        name, track([(share, "", "")]), shown
    )


def bars(lines: Iterable[Markup]) -> Markup:
    """Lines of ``bar``, in two columns where there is room."""
    return Markup('<div class="bars">{}</div>\n').format(joined(lines))


def chip(text: object, *kinds: str, count: int | None = None) -> Markup:
    """A tag, with how often it occurs; ``kinds`` are classes of the stylesheet (``attribute``, ``bad``, ``gone``)."""
    tail = Markup("<sub>{:,}</sub>").format(count) if count is not None else ""
    return Markup('<span class="{}">{}{}</span>').format(" ".join(["tag", *kinds]), text, tail)


def _cut(share: float) -> float:
    return max(0.0, min(1.0, share))
