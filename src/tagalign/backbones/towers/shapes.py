"""Sizes and switches of a vision and a text tower: what a family reads from ``config.json``, all a tower is built from."""

from dataclasses import dataclass
from typing import Literal

Resize = Literal["bicubic", "bilinear", "offset"]
Head = Literal["linear", "pool", "none"]
Read = Literal["end", "highest", "last", "mean"]


@dataclass(frozen=True, kw_only=True)
class VisionShape:
    """A vision transformer.

    Attributes:
        width: of a row.
        layers: blocks.
        heads: of the attention.
        hidden: of the MLP.
        patch_size: pixels.
        image_size: side of the native square input in pixels.
        dim: of the joint space.
        activation: see ``layers.ACTIVATIONS``.
        eps: of the layer norms.
        num_prefix: rows before the patches: the class row first, then registers.
        patch_bias: the patch embedding has a bias.
        pre_norm: layer norm before the first block.
        layer_scale: learned scales of the branches of a block.
        gated: SwiGLU blocks.
        positions: how position embeddings are brought to another grid.
        antialias: that resize averages where it shrinks.
        head: what brings a row into the joint space: ``linear``, SigLIP's attention ``pool``, or ``none``.
    """

    width: int
    layers: int
    heads: int
    hidden: int
    patch_size: int
    image_size: int
    dim: int
    activation: str
    eps: float
    num_prefix: int = 1
    patch_bias: bool = False
    pre_norm: bool = True
    layer_scale: bool = False
    gated: bool = False
    positions: Resize = "bicubic"
    antialias: bool = False
    head: Head = "linear"


@dataclass(frozen=True, kw_only=True)
class TextShape:
    """A text transformer.

    Attributes:
        width: of a row.
        layers: blocks.
        heads: of the attention.
        hidden: of the MLP.
        vocabulary: token ids.
        context: most tokens.
        dim: of the joint space.
        activation: see ``layers.ACTIVATIONS``.
        eps: of the layer norms.
        causal: a token sees only those before it.
        pad_id: rows of this id are hidden from all others; None: nothing is hidden.
        sinusoidal: positions are computed, not learned.
        scaled: token embeddings are multiplied by the square root of the width.
        read: where the embedding is taken: the first ``end`` token, the ``highest`` id (OpenAI's rule, written as end id 2),
            the ``last`` of all positions, or the ``mean`` over tokens that are not padding.
        end_id: of the end token, for ``read="end"``.
        head: a linear map after the last layer norm.
        head_bias: it has a bias.
    """

    width: int
    layers: int
    heads: int
    hidden: int
    vocabulary: int
    context: int
    dim: int
    activation: str
    eps: float
    causal: bool = True
    pad_id: int | None = None
    sinusoidal: bool = False
    scaled: bool = False
    read: Read = "end"
    end_id: int = 0
    head: bool = True
    head_bias: bool = False
