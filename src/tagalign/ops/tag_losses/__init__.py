"""Losses on the tags of images, one file each; a new file here is a new value of ``tagalign train --loss``.

Importing this costs nothing: names come from the file names, and a file is imported when its loss is asked for.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tagalign.registry import Registry

if TYPE_CHECKING:
    from tagalign.ops.tag_loss import TagLoss


@dataclass(frozen=True, kw_only=True)
class TagLossEntry:
    """What a file of this folder registers.

    Attributes:
        kind: the loss: a frozen dataclass of its options.
        summary: what it does, in one line.
        source: paper.
    """

    kind: "type[TagLoss]"
    summary: str
    source: str


TAG_LOSSES: Registry[TagLossEntry] = Registry("tag loss", __name__)
