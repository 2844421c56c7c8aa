"""The vision tower of all families: patches and positions, blocks, last layer norm, and what leads into the joint space."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from tagalign.backbones.towers.block import TransformerBlock
from tagalign.backbones.towers.layers import Conv2d, LayerNorm, Linear
from tagalign.backbones.towers.pooling import PoolingHead
from tagalign.backbones.towers.shapes import Resize, VisionShape
from tagalign.ops.grid import resize_positions

Tokens = Float[Tensor, "batch tokens width"]


class VisionTower(nn.Module):
    """A vision transformer; see ``VisionShape`` for its switches.

    The state dict has the names ``patches``, ``class_row`` [width], ``registers`` [r, width], ``positions`` (class row
    first), ``pre_norm``, ``blocks.i``, ``post_norm``, ``head``.
    """

    def __init__(self, shape: VisionShape) -> None:
        super().__init__()
        self.shape = shape
        width, side = shape.width, shape.image_size // shape.patch_size
        self.patches = Conv2d(
            3, width, kernel_size=shape.patch_size, stride=shape.patch_size, bias=shape.patch_bias
        )
        has_class = shape.num_prefix > 0
        self.class_row = nn.Parameter(torch.empty(width)) if has_class else None
        registers = shape.num_prefix - 1
        self.registers = nn.Parameter(torch.empty(registers, width)) if registers > 0 else None
        self.positions = nn.Parameter(torch.empty(has_class + side * side, width))
        self.pre_norm = LayerNorm(width, eps=shape.eps) if shape.pre_norm else None
        self.blocks = nn.ModuleList(
            TransformerBlock(
                width=width,
                heads=shape.heads,
                hidden=shape.hidden,
                activation=shape.activation,
                eps=shape.eps,
                layer_scale=shape.layer_scale,
                gated=shape.gated,
            )
            for _ in range(shape.layers)
        )
        self.post_norm = LayerNorm(width, eps=shape.eps)
        self.head: Any = _head(shape)

    def embed(
        self,
        pixels: Float[Tensor, "batch 3 height pixel_width"],
        grid: tuple[int, int],
        *,
        positions: Resize | None = None,
        round_positions: bool = False,
    ) -> Tokens:
        """Input of the first block; see ``BlockBackbone.embed_patches``."""
        x = self.patches(pixels).flatten(2).transpose(1, 2)
        if self.class_row is not None:
            # shape, not len(): len() is a plain number, and an ONNX export would freeze the batch size
            x = torch.cat([self.class_row.expand(pixels.shape[0], 1, -1), x], dim=1)
        x = x + self._positions(grid, positions, round_positions)
        if self.registers is not None:  # they have no position
            x = torch.cat([x[:, :1], self.registers.expand(pixels.shape[0], -1, -1), x[:, 1:]], dim=1)
        return x if self.pre_norm is None else self.pre_norm(x)

    def multiply_in(self, dtype: torch.dtype) -> None:
        """Compute the products of the blocks' linear layers in ``dtype``.

        Of a block's multiplications these are ``6 w / (6 w + T)`` at width w and T rows: 96 % of a ViT-B/16 at 224 pixels,
        85 % at 448. Norms, softmaxes, sums, the way in and the head stay: they cost little and keep the last bits.
        """
        for block in self.blocks:
            for layer in block.modules():
                if isinstance(layer, Linear):
                    layer.multiply_in(dtype)

    def _positions(
        self, grid: tuple[int, int], mode: Resize | None, round_positions: bool
    ) -> Float[Tensor, "tokens width"]:
        native = self.positions
        resized = resize_positions(
            native,
            grid,
            mode=mode or self.shape.positions,
            antialias=self.shape.antialias,
            prefix=int(self.class_row is not None),
        )
        return resized.half().to(native.dtype) if round_positions and resized is not native else resized


def _head(shape: VisionShape) -> nn.Module | None:
    if shape.head == "linear":
        return Linear(shape.width, shape.dim, bias=False)
    if shape.head == "pool":
        return PoolingHead(shape)
    return None
