"""Flags that had another name once: the old name is refused with the new one, and old settings files are read.

A field says its old name itself: ``pairs: Annotated[tuple[str, ...], Formerly("data")]``. A name is given away only when it
would mean two things in the command line, so it is not read any more where it was.
"""

import dataclasses
import typing
from typing import Any


@dataclasses.dataclass(frozen=True)
class Formerly:
    """Mark of a field of settings.

    Attributes:
        name: of the field before, as Python spells it: ``held_out``.
    """

    name: str


def former_names(kind: Any) -> dict[str, str]:
    """The old names of a settings class and the fields that they are now; empty where nothing was renamed."""
    hints = typing.get_type_hints(kind, include_extras=True)
    marks = {name: getattr(hint, "__metadata__", ()) for name, hint in hints.items()}
    return {
        mark.name: name for name, metadata in marks.items() for mark in metadata if isinstance(mark, Formerly)
    }
