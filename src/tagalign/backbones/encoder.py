"""A frozen vision transformer beside its text tower: patch embeddings in the dense modes of the literature, any family.

The weights are only read: no module is swapped, no buffer changed, gradients are off.
"""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from tagalign.backbones.finite import checked
from tagalign.backbones.frozen import FrozenBackbone
from tagalign.backbones.last_block import last_block
from tagalign.backbones.linear_head import linear_head
from tagalign.backbones.modes import DENSE_MODES
from tagalign.backbones.preprocess import Preprocessing
from tagalign.backbones.protocols import (
    Block,
    DenseFeatures,
    Grid,
    LinearHead,
    Mode,
    Pixels,
    Resize,
    Tokens,
    Weights,
)
from tagalign.backbones.stream import StitchedStream, Stream
from tagalign.backbones.text_encoder import TextEncoder
from tagalign.backbones.towers.vision import VisionTower
from tagalign.ops.cam import LastBlock
from tagalign.ops.compiling import prepare_compiler
from tagalign.ops.precision import PRECISIONS, Precision


class Encoder(FrozenBackbone):
    """A ``BlockBackbone`` over our own towers; see the Protocol for its attributes.

    Args:
        vision: the vision tower.
        text: the text half.
        preprocessing: of images.
        weights: where they came from.
        family: ``model_type``.
    """

    def __init__(
        self,
        vision: VisionTower,
        text: TextEncoder,
        preprocessing: Preprocessing,
        *,
        weights: Weights = Weights(),  # noqa: B008  frozen
        family: str = "clip",
    ) -> None:
        super().__init__(text, preprocessing, weights=weights, family=family)
        self.vision: Any = vision.eval().requires_grad_(False)
        shape = vision.shape
        self.width, self.patch_size, self.num_layers = shape.width, shape.patch_size, shape.layers
        self.num_prefix, self.mlp_width = shape.num_prefix, shape.hidden

    def multiply_in(self, precision: Precision) -> None:
        """Compute the products of the vision tower in a precision; texts stay in float32, for their embeddings are kept."""
        dtype = PRECISIONS[precision]
        if dtype is not None:
            self.vision.multiply_in(dtype)
            self.precision = precision

    def compile_blocks(self) -> None:
        """Run the blocks of the vision tower through ``torch.compile``, at their first call; see ``BlockBackbone``."""
        prepare_compiler(self.device)
        for block in self.vision.blocks:
            block.compile()

    @property
    def blocks(self) -> Sequence[Block]:
        """The transformer blocks of the vision tower, first to last."""
        return list(self.vision.blocks)

    def embed_patches(
        self, pixels: Pixels, *, positions: Resize | None = None, round_positions: bool = False
    ) -> tuple[Tokens, Grid]:
        """Input of the first block; see ``BlockBackbone``."""
        grid = self.grid_of(pixels.shape[2], pixels.shape[3])
        rows = self.vision.embed(
            pixels.to(self.dtype), grid, positions=positions, round_positions=round_positions
        )
        return rows, grid

    def class_row(self, times: int = 1) -> Float[Tensor, "1 width"]:
        """Input of the first block in the class row, its embedding added ``times`` times (twice in TrustyCLIP's release)."""
        row = times * self.vision.class_row + self.vision.positions[0]
        return (row if self.vision.pre_norm is None else self.vision.pre_norm(row))[None]

    @torch.no_grad()
    def encode_dense(
        self, pixels: Pixels, *, mode: str | Mode = "clip", positions: Resize | None = None
    ) -> DenseFeatures:
        """Dense features in one of ``DENSE_MODES``, or in a mode with options of its own; see ``Backbone``.

        Raises:
            UnknownNameError: if the mode is not one of them.
            InputError: if the image is smaller than a patch.
        """
        x, grid = self.embed_patches(pixels, positions=positions)
        return self._dense(mode, Stream(self.blocks, x), grid)

    @torch.no_grad()
    def encode_stitched(
        self,
        windows: Float[Tensor, "windows 3 height pixel_width"],
        places: Sequence[Grid],
        *,
        mode: str | Mode,
        positions: Resize | None = None,
        batch_size: int = 8,
    ) -> DenseFeatures:
        """Dense features of one image whose windows are joined before the last block; see ``BlockBackbone``."""
        parts = [self.embed_patches(part, positions=positions) for part in windows.split(batch_size)]
        window = parts[0][1]
        grid = (max(top for top, _ in places) + window[0], max(left for _, left in places) + window[1])
        stream = StitchedStream(
            self.blocks,
            torch.cat([x for x, _ in parts]),
            window=window,
            places=places,
            grid=grid,
            batch_size=batch_size,
        )
        return self._dense(mode, stream, grid)

    def _dense(self, mode: str | Mode, stream: Stream, grid: Grid) -> DenseFeatures:
        chosen = DENSE_MODES.find(mode).kind() if isinstance(mode, str) else mode
        dense, cls = chosen(self, stream, grid)
        dense = checked(dense, self.vision, name=self.name, what="patch features")
        return DenseFeatures(
            patches=dense[:, self.num_prefix :],
            cls=None if cls is None else cls[:, 0],
            grid=grid,
            before=dense[:, : self.num_prefix],
        )

    def post_norm(self, x: Float[Tensor, "*batch width"]) -> Float[Tensor, "*batch width"]:
        """Last layer norm."""
        return checked(self.vision.post_norm(x), self.vision, name=self.name, what="features")

    def project(self, features: Float[Tensor, "*batch width"]) -> Float[Tensor, "*batch dim"]:
        """Last layer norm, then the family's head on every row by itself."""
        return self.to_joint(self.vision.post_norm(features))

    def to_joint(self, normed: Float[Tensor, "*batch width"]) -> Float[Tensor, "*batch dim"]:
        """The family's head on every row after the last layer norm."""
        joint = normed if self.vision.head is None else self.vision.head(normed)
        return checked(joint, self.vision, name=self.name, what="embeddings")

    def linear_head(self) -> LinearHead:
        """``project`` as a layer norm and one matrix; see ``linear_head.linear_head``."""
        return linear_head(self.vision)

    def last_block(self) -> LastBlock | None:
        """Weights of the last block for the closed form of ``ops.cam``; None where it does not hold."""
        return last_block(self.vision)

    def pool(self, x: Tokens, bias: Tensor | None = None) -> Float[Tensor, "batch dim"]:
        """Image embedding from the rows after the last block; see ``BlockBackbone``."""
        if self.num_prefix:
            return self.project(x[:, 0])
        pooled = self.vision.head.pool(self.vision.post_norm(x), bias)
        return checked(pooled, self.vision, name=self.name, what="image embeddings")

    @torch.no_grad()
    def embed_images(self, pixels: Pixels) -> Float[Tensor, "batch dim"]:
        """The family's own embedding of whole images; any norm."""
        x, _ = self.embed_patches(pixels)
        for block in self.blocks:
            x = block(x)
        return self.pool(x)
