"""Refinements of label maps by the photo, one file each; a new file here is a new value of ``--refine``.

Importing this costs nothing: names come from the file names, and a file is imported when its refinement is asked for.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tagalign.registry import Registry

if TYPE_CHECKING:
    from tagalign.ops.refinement import Refinement


@dataclass(frozen=True, kw_only=True)
class RefinementEntry:
    """What a file of this folder registers.

    Attributes:
        kind: the refinement: a frozen dataclass of its options.
        summary: what it does, in one line.
        source: paper.
        needs_names: whether it reads ``RefinementInput.names``; a method without cosines of names (CLS-SEG) refuses it.
    """

    kind: "type[Refinement]"
    summary: str
    source: str
    needs_names: bool = False


REFINEMENTS: Registry[RefinementEntry] = Registry("refinement", __name__)
