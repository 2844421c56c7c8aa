"""The walk through the blocks that every dense mode takes, and how windows of one image are joined on the way.

A dense mode is what happens to the last blocks so that a patch speaks of its own place. It asks a ``Stream`` for the inputs
of the blocks it needs, first to last, and never walks itself: so the same mode runs on whole images, and on the tokens of
many windows laid on the grid of one image.
"""

from collections.abc import Sequence
from functools import cached_property

import torch
from torch import Tensor

from tagalign.backbones.protocols import Block, BlockBackbone, ClassRow, Grid, Heads, QueryRows, Tokens
from tagalign.ops import attention as attn
from tagalign.ops.grid import place_tokens


class BlockInput:
    """What goes into a block, and its heads once they are asked for.

    Attributes:
        block: the block.
        x: all rows, prefix rows first.
    """

    def __init__(self, block: Block, x: Tokens) -> None:
        self.block = block
        self.x = x

    @cached_property
    def normed(self) -> Tokens:
        """After the layer norm before the attention."""
        return self.block.norm1(self.x)

    @cached_property
    def heads(self) -> tuple[QueryRows, Heads, Heads]:
        """Query, key and value heads of all rows."""
        return self.block.qkv(self.normed)

    @cached_property
    def asked_once(self) -> tuple[QueryRows, Heads, Heads]:
        """Likewise with the query of the first row alone, for modes that need no other."""
        if "heads" in vars(self):
            q, k, v = self.heads
            return q[:, :, :1], k, v
        return self.block.qkv(self.normed, rows=1)

    def output(self) -> Tokens:
        """The ordinary block; heads that are known already are not made again."""
        if "heads" not in vars(self):
            return self.block(self.x)
        return self.block.feed_forward(self.x + self.block.out(attn.attention(*self.heads)))

    def class_row(self) -> Tokens:
        """The ordinary block for the class row alone."""
        q, k, v = self.asked_once
        return self.block.feed_forward(self.x[:, :1] + self.block.out(attn.attention(q, k, v)))


def class_row_of(encoder: BlockBackbone, last: BlockInput) -> ClassRow:
    """The ordinary last block for the class row alone; None for a family without one."""
    return last.class_row() if encoder.num_prefix else None


class Stream:
    """Whole images on their way through the blocks.

    Args:
        blocks: of the vision tower, first to last.
        x: input of the first block.
    """

    def __init__(self, blocks: Sequence[Block], x: Tokens) -> None:
        self.num_blocks = len(blocks)
        self._blocks = blocks
        self._at = BlockInput(blocks[0], x)
        self._index = 0

    def input_of(self, index: int) -> BlockInput:
        """Input of a block, counted from 0; ask in ascending order, earlier ones are gone.

        Raises:
            ValueError: for a block that was passed already.
        """
        if index < self._index:
            raise ValueError(f"block {index} is behind block {self._index}; ask for inputs first to last")
        while self._index < index:
            x = self._at.output()
            self._index += 1
            self._at = BlockInput(self._blocks[self._index], x)
        return self._at

    def last(self) -> BlockInput:
        """Input of the last block."""
        return self.input_of(self.num_blocks - 1)


class StitchedStream(Stream):
    """Windows of one image: every block sees the windows, a mode sees their tokens on the grid of the whole image.

    Patches that several windows cover are means over them, prefix rows means over all windows. So what a mode does with
    the last block, it does once, over the whole image. OV-Stitcher published no code: this is our reading of its figure.

    Args:
        blocks: of the vision tower, first to last.
        x: input of the first block, one row of windows per batch item.
        window: rows and columns of patches of a window.
        places: row and column of the first patch of each window on the grid.
        grid: of the whole image.
        batch_size: windows in one pass of a block.
    """

    def __init__(
        self,
        blocks: Sequence[Block],
        x: Tokens,
        *,
        window: Grid,
        places: Sequence[tuple[int, int]],
        grid: Grid,
        batch_size: int,
    ) -> None:
        super().__init__(blocks, x)
        self._window, self._places, self._grid = window, places, grid
        self._batch_size = batch_size

    def input_of(self, index: int) -> BlockInput:
        """Input of a block on the whole grid, a batch of one image."""
        while self._index < index:
            block, parts = self._at.block, self._at.x.split(self._batch_size)
            self._index += 1
            self._at = BlockInput(self._blocks[self._index], torch.cat([block(part) for part in parts]))
        if index < self._index:
            return super().input_of(index)
        return BlockInput(self._at.block, self._joined(self._at.x))

    def _joined(self, x: Tensor) -> Tokens:
        prefix = x.shape[1] - self._window[0] * self._window[1]
        patches = place_tokens(x[:, prefix:], self._window, self._places, self._grid)
        # prefix rows have no place on the grid, so they are means over all windows
        return torch.cat([x[:, :prefix].mean(dim=0), patches])[None]
