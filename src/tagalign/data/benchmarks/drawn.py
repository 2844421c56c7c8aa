"""The mark of a drawn copy of a benchmark: a folder that looks like the data and must never be taken for it."""

import json
from dataclasses import dataclass
from pathlib import Path

from tagalign.errors import InputError

MARK_FILE = "DRAWN-COPY.json"
MARK_TEXT = "drawn shapes in the layout of a benchmark, made by tagalign data fake; no number measured here means anything"


@dataclass(frozen=True, kw_only=True)
class DrawnCopy:
    """What the mark of a drawn copy says.

    Attributes:
        benchmark: whose layout it has.
        split: the one that was drawn.
        images: how many pictures.
        units: images, expressions or questions in them.
        seed: of the drawing.
        complete: whether the writing came to its end.
    """

    benchmark: str
    split: str
    images: int
    units: int
    seed: int
    complete: bool


def drawn_copy_of(folder: Path | None) -> DrawnCopy | None:
    """The mark of a drawn copy; None for a folder that has none, such as the real data.

    Raises:
        InputError: for a mark that cannot be read.
    """
    if folder is None or not (path := folder / MARK_FILE).is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return DrawnCopy(**{name: content[name] for name in DrawnCopy.__dataclass_fields__})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: expected the mark of a drawn copy ({error!r}); draw it again") from error
