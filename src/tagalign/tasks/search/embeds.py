"""Where an exact search has its embeddings, always in float16 as the parts do, and their products with a query.

Mapped from the file of an approximate index where there is a fresh one, in memory up to ``MOST_HELD``, and beyond that read
from the parts for each question: the answers are the same, memory stays bounded.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from tagalign.errors import DataError
from tagalign.tasks.search.approximate import map_embeds
from tagalign.tasks.search.files import part_paths, read_embeds
from tagalign.tasks.search.head import IndexHead

MOST_HELD = 4 << 30
"""Bytes of embeddings that memory holds: of 512 numbers, those of four million photos."""
# 4 MB in float32 at 512 numbers stay in a core's cache: blocks of 16,384 rows took three times as long
BLOCK_ROWS = 2048


@dataclass(frozen=True)
class PartEmbeds:
    """Embeddings that stay in the parts, read anew for each question.

    Attributes:
        paths: of the parts.
        photos: in all of them.
        dim: of the embeddings.
    """

    paths: tuple[Path, ...]
    photos: int
    dim: int

    def __len__(self) -> int:
        return self.photos

    def split(self, rows: int) -> Iterator[Float[Tensor, "rows dim"]]:
        """Blocks of so many rows, whatever the parts hold, and one of what is left: as ``Tensor.split``."""
        rest = torch.zeros(0, self.dim, dtype=torch.float16)
        for path in self.paths:
            held = torch.cat([rest, read_embeds(path, self.dim)])
            whole = len(held) - len(held) % rows
            # blocks as those of a tensor: the last rows of a product are summed in another order
            yield from held[:whole].split(rows) if whole else ()
            rest = held[whole:]
        if len(rest):
            yield rest


def open_embeds(folder: Path, head: IndexHead, photos: int) -> Float[Tensor, "photos dim"] | PartEmbeds:
    """All embeddings of an index folder: mapped, in memory, or left in the parts.

    Raises:
        DataError: if a part is damaged; the file of an approximate index that is stale or damaged is passed over.
    """
    try:
        mapped = map_embeds(folder)
        if mapped.shape == (photos, head.dim):
            return mapped
    except DataError:
        pass
    left = PartEmbeds(tuple(part_paths(folder)), photos, head.dim)
    if 2 * photos * head.dim > MOST_HELD:
        return left
    held = torch.empty(photos, head.dim, dtype=torch.float16)
    for place, block in zip(held.split(BLOCK_ROWS), left.split(BLOCK_ROWS), strict=True):
        place.copy_(block)
    return held


def cosines(
    embeds: Float[Tensor, "photos dim"] | PartEmbeds, embed: Float[Tensor, " dim"]
) -> Float[Tensor, " photos"]:
    """The product of each embedding with a query, in the query's precision."""
    found = embed.new_empty(len(embeds))
    wide = embed.new_empty(BLOCK_ROWS, len(embed))
    start = 0
    for block in embeds.split(BLOCK_ROWS):
        rows = wide[: len(block)].copy_(block)
        torch.mv(rows, embed, out=found[start : start + len(block)])
        start += len(block)
    return found
