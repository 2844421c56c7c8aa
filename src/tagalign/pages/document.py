"""A page of ours: one file that needs no other, its head, and the boxes in which it is laid out.

One rule of escaping, markupsafe's: what is ``Markup`` is HTML already, everything else is text and is escaped where it is
put in. So every builder here takes text and gives ``Markup``, and nobody escapes by hand.
"""

import re
from collections.abc import Iterable
from importlib import resources

from markupsafe import Markup, escape

from tagalign.tasks.photos.keys import printable

_SURROGATES = re.compile("[\ud800-\udfff]")

_PAGE = Markup("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<style>{style}</style>
</head>
<body>
<main{kind}>
{body}</main>
</body>
</html>
""")


def document(title: str, *parts: object, wide: bool = False) -> str:
    """The whole page, ready to be written as UTF-8.

    Args:
        title: in the browser's tab.
        parts: the body in order; text is escaped, empty parts leave nothing.
        wide: for tables of sentences side by side.
    """
    # css from our own package is the one text that is not escaped: inside <style> nothing would undo it
    style = Markup(resources.files(__package__).joinpath("style.css").read_text(encoding="utf-8"))  # noqa: S704
    kind = Markup(' class="wide"') if wide else ""
    page = _PAGE.format(title=title, style=style, kind=kind, body=joined(parts))
    # a file name of other bytes than UTF-8 arrives with lone surrogates, which no encoder writes: as keys have them
    return _SURROGATES.sub(lambda found: printable(found[0]), page)


def joined(parts: Iterable[object], between: str = "") -> Markup:
    """The parts one after the other, each escaped unless it is ``Markup``."""
    return escape(between).join(map(escape, parts))


def section(heading: object, *parts: object) -> Markup:
    """A card with a heading; nothing if it would be empty."""
    body = joined(parts)
    return Markup("<section><h2>{}</h2>\n{}</section>\n").format(heading, body) if body else Markup()


def note(text: object) -> Markup:
    """Small print."""
    return Markup('<p class="note">{}</p>\n').format(text) if text else Markup()


def warning(text: object) -> Markup:
    """What must be known before a number is read."""
    return Markup('<p class="warning">{}</p>\n').format(text)


def fold(summary: object, *parts: object) -> Markup:
    """Something to be opened with a click."""
    return Markup("<details><summary>{}</summary>{}</details>\n").format(summary, joined(parts))


def code(text: object) -> Markup:
    """Text as it is, in a box that scrolls sideways."""
    return Markup("<pre>{}</pre>\n").format(text)


def columns(*parts: object) -> Markup:
    """Cards side by side where there is room."""
    return Markup('<div class="columns">{}</div>\n').format(joined(parts))
