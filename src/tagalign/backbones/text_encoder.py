"""The text half of an encoder: prompts to embeddings, and the scale that compares them with images."""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from tagalign.backbones.text import Tokenizer

TOKENS = 4096
"""In one pass: families that fill their whole context have 64 in every prompt, and 256 of those take half a gigabyte."""


class TextEncoder(nn.Module):
    """A frozen text tower with its tokenizer.

    Args:
        tower: token ids to embeddings.
        tokenizer: prompts to ids; None where nothing but ids is ever given.
        dim: of the joint space.
        scale: inverse temperature of the cosines.
        bias: added to their product.
    """

    def __init__(
        self, tower: nn.Module, tokenizer: Tokenizer | None, *, dim: int, scale: float, bias: float = 0.0
    ) -> None:
        super().__init__()
        self.tower = tower.eval().requires_grad_(False)
        self.tokenizer: Any = tokenizer
        self.dim, self.scale, self.bias = dim, scale, bias

    def train(self, mode: bool = True) -> "TextEncoder":
        """Frozen means frozen: the tower stays in evaluation mode."""
        return super().train(False)

    @torch.no_grad()
    def encode_ids(self, ids: Int[Tensor, "prompts tokens"]) -> Float[Tensor, "prompts dim"]:
        """Text embeddings of token ids; any norm."""
        return self.tower(ids.to(next(self.tower.parameters()).device))

    def encode_text(self, prompts: Sequence[str], *, batch_size: int = 256) -> Float[Tensor, "prompts dim"]:
        """Text embeddings of prompts; any norm. Prompts past the text context are cut, with a warning."""
        ids = self.tokenizer(prompts)
        if not len(ids):
            parameter = next(self.tower.parameters())
            return torch.zeros(0, self.dim, device=parameter.device, dtype=parameter.dtype)
        step = max(1, min(batch_size, TOKENS // ids.shape[1]))
        return torch.cat([self.encode_ids(chunk) for chunk in ids.split(step)])
