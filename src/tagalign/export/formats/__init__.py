"""Formats of other tools, one file each; a new file here is a new word after ``tagalign export``.

A file says what can be chosen, and reads no results until it writes: so a help page needs no torch. What is imported on
top of a file is therefore light; its writer is imported by ``write``, or stands below it.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tagalign.registry import Registry

if TYPE_CHECKING:
    from tagalign.export.format import Format


@dataclass(frozen=True, kw_only=True)
class FormatEntry:
    """What a file of this folder registers.

    Attributes:
        kind: the format: a frozen dataclass of its flags.
        summary: what it is, in one line.
        example: of a command line, without ``tagalign export``.
    """

    kind: "type[Format]"
    summary: str
    example: str


FORMATS: Registry[FormatEntry] = Registry("format", __name__)
