"""What every frozen encoder has, whatever its vision tower is: facts, a text encoder, sizes of patches."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from tagalign.backbones.finite import checked
from tagalign.backbones.preprocess import Preprocessing
from tagalign.backbones.protocols import Grid, Weights
from tagalign.backbones.text_encoder import TextEncoder
from tagalign.errors import InputError, NotFiniteError
from tagalign.ops.precision import Precision


class FrozenBackbone(nn.Module):
    """Base of the encoders; the attributes are those of ``protocols.Backbone``.

    Args:
        text: the text half.
        preprocessing: of images.
        weights: where they came from.
        family: ``model_type``.
    """

    width: int
    patch_size: int
    num_layers: int
    precision: Precision = "fp32"

    def __init__(
        self, text: TextEncoder, preprocessing: Preprocessing, *, weights: Weights, family: str
    ) -> None:
        super().__init__()
        self.text = text
        self.preprocessing = preprocessing
        self.name, self.weight_hash, self.revision = weights.name, weights.hash, weights.revision
        self.family = family
        self.embed_dim = text.dim
        self.logit_scale, self.logit_bias = text.scale, text.bias
        if not (math.isfinite(text.scale) and math.isfinite(text.bias)):
            raise NotFiniteError(
                f"{self.name}: the logit scale is {text.scale} and the bias {text.bias}, expected numbers; fetch or "
                "convert the model again",
                by_weights=True,
            )

    def train(self, mode: bool = True) -> "FrozenBackbone":
        """Frozen means frozen: the encoder stays in evaluation mode."""
        return super().train(False)

    @property
    def tokenizer(self) -> Any:
        """Prompts to ids."""
        return self.text.tokenizer

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        """Of the weights."""
        return next(self.parameters()).dtype

    def grid_of(self, height: int, width: int) -> Grid:
        """Patches that fit into an image.

        Raises:
            InputError: if not a single patch fits.
        """
        grid = (height // self.patch_size, width // self.patch_size)
        if 0 in grid:
            raise InputError(
                f"expected at least {self.patch_size} x {self.patch_size} pixels, got {height} x {width}"
            )
        return grid

    def encode_ids(self, ids: Int[Tensor, "prompts tokens"]) -> Float[Tensor, "prompts dim"]:
        """Text embeddings of token ids; any norm."""
        found = self.text.encode_ids(ids)
        return checked(found, self.text, name=self.name, what="text embeddings", item="prompt")

    def encode_text(self, prompts: Sequence[str], *, batch_size: int = 256) -> Float[Tensor, "prompts dim"]:
        """Text embeddings of prompts; any norm. Prompts past the text context are cut, with a warning."""
        found = self.text.encode_text(prompts, batch_size=batch_size)
        return checked(found, self.text, name=self.name, what="text embeddings", item="prompt")
