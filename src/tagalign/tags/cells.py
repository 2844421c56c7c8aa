"""Cells of CSV that a spreadsheet does not take for a formula: file names and labels come from elsewhere."""

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a cell begins with that is calculated, and may run a program, when the table is opened."""


def file_cell(key: str) -> str:
    """The name of a file, or the key of a photo, as a cell; ``./`` before it names the same file.

    >>> file_cell("=cmd.png"), file_cell("day/=cmd.png")
    ('./=cmd.png', 'day/=cmd.png')
    """
    return f"./{key}" if key.startswith(FORMULA) else key


def text_cell(text: str) -> str:
    """A label as a cell; an apostrophe before it says to spreadsheets that it is text.

    >>> text_cell("-1 degree"), text_cell("dog")
    ("'-1 degree", 'dog')
    """
    return f"'{text}" if text.startswith(FORMULA) else text


def text_of_cell(cell: str) -> str:
    """The label that ``text_cell`` wrote; one that began with an apostrophe before such a sign has lost it.

    >>> text_of_cell("'-1 degree"), text_of_cell("dog"), text_of_cell("'tis")
    ('-1 degree', 'dog', "'tis")
    """
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(FORMULA) else cell
