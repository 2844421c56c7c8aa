"""The text tower of all families: token ids to one embedding per prompt."""

import math
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from tagalign.backbones.towers.block import TransformerBlock
from tagalign.backbones.towers.layers import LayerNorm, Linear
from tagalign.backbones.towers.shapes import TextShape

POOLING_EPS = 1e-8  # TIPSv2: added to the number of tokens before the mean
WAVE_BASE = 10_000.0  # of sinusoidal positions

PromptIds = Int[Tensor, "prompts tokens"]


class TextTower(nn.Module):
    """A text transformer; see ``TextShape`` for its switches.

    The state dict has the names ``tokens`` [vocabulary, width], ``positions`` [context, width], ``blocks.i``, ``post_norm``,
    ``head``.
    """

    def __init__(self, shape: TextShape) -> None:
        super().__init__()
        self.shape = shape
        width = shape.width
        self.tokens = nn.Parameter(torch.empty(shape.vocabulary, width))
        self.positions = None if shape.sinusoidal else nn.Parameter(torch.empty(shape.context, width))
        self.blocks = nn.ModuleList(
            TransformerBlock(
                width=width,
                heads=shape.heads,
                hidden=shape.hidden,
                activation=shape.activation,
                eps=shape.eps,
            )
            for _ in range(shape.layers)
        )
        self.post_norm = LayerNorm(width, eps=shape.eps)
        self.head: Any = Linear(width, shape.dim, bias=shape.head_bias) if shape.head else None

    def forward(
        self, ids: PromptIds, real: Bool[Tensor, "prompts tokens"] | None = None
    ) -> Float[Tensor, "prompts dim"]:
        """Embeddings; any norm.

        Args:
            ids: of the tokens.
            real: tokens that others see; all but ``pad_id`` when None.
        """
        shape, count = self.shape, ids.shape[1]
        x = self.tokens[ids]
        if shape.scaled:
            x = x * shape.width**0.5
        x = x + (sine_waves(count, shape.width).to(x) if self.positions is None else self.positions[:count])
        if real is None and shape.pad_id is not None:
            real = ids != shape.pad_id
        x = self._blocks(x, real)
        if shape.read == "mean":
            rows = self._mean(self.post_norm(x), real)
        else:
            rows = self.post_norm(x[torch.arange(len(ids), device=ids.device), self._place(ids)])
        return rows if self.head is None else self.head(rows)

    def _blocks(self, x: Tensor, real: Bool[Tensor, "prompts tokens"] | None) -> Tensor:
        if self.shape.causal:
            # no mask for padding: the text is read at its first end token, and what follows it never counts
            for block in self.blocks:
                x = block.causal(x)  # type: ignore[operator]
            return x
        bias = None if real is None else torch.zeros_like(real, dtype=x.dtype)
        if bias is not None and real is not None:
            bias = bias.masked_fill(~real, torch.finfo(x.dtype).min)[:, None, None]
        for block in self.blocks:
            x = block(x, bias)
        return x

    def _place(self, ids: PromptIds) -> Int[Tensor, " prompts"]:
        if self.shape.read == "last":
            return torch.full((len(ids),), ids.shape[1] - 1, device=ids.device)
        if self.shape.read == "highest":
            return ids.argmax(dim=1)
        return (ids == self.shape.end_id).int().argmax(dim=1)  # the first of equal ones

    def _mean(self, x: Tensor, real: Tensor | None) -> Tensor:
        if real is None:
            return x.mean(dim=1)
        counted = real.to(x.dtype)[..., None]
        return (x * counted).sum(dim=1) / (counted.sum(dim=1) + POOLING_EPS)


def sine_waves(count: int, width: int) -> Float[Tensor, "count width"]:
    """Positions of tensor2tensor: sines, then cosines, of frequencies ``10000^(-i / (width / 2 - 1))``; float32."""
    half = width // 2
    speed = torch.exp(torch.arange(half).float() * -(math.log(WAVE_BASE) / (half - 1)))
    angle = torch.arange(count).float()[:, None] * speed
    return torch.cat([angle.sin(), angle.cos()], dim=1)
