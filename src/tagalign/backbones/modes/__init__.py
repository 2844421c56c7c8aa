"""Dense modes of the literature, one file each; a new file here is a new mode, and a method of the same name.

Importing this costs nothing: names come from the file names, and a file is imported when its mode is asked for. A file says
what can be chosen, and imports what computes when its mode is called: so lists and refusals of options need no torch. Steps
of some length stand in ``steps.py`` of a folder in the file's place.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tagalign.registry import Registry

if TYPE_CHECKING:
    from tagalign.backbones.protocols import Mode


@dataclass(frozen=True, kw_only=True)
class ModeEntry:
    """What a file of this folder registers.

    Attributes:
        kind: the mode: a frozen dataclass of its options.
        summary: what it is, in one line.
        source: paper.
        cost: passes of the encoder per image, in words.
    """

    kind: "type[Mode]"
    summary: str
    source: str
    cost: str = "one pass"


DENSE_MODES: Registry[ModeEntry] = Registry("dense mode", __name__)
