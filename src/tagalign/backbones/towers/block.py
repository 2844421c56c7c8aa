"""A pre-norm transformer block, in the parts that dense methods recombine; parameters are filled from a file."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from tagalign.backbones.towers.layers import LayerNorm, LayerScale, Linear, Mlp, SwiGlu
from tagalign.ops import attention as attn

Tokens = Float[Tensor, "batch tokens width"]
Heads = Float[Tensor, "batch heads tokens head_dim"]
QueryRows = Float[Tensor, "batch heads rows head_dim"]


class TransformerBlock(nn.Module):
    """``x + s1 Attention(LN1(x))``, then ``x + s2 MLP(LN2(x))``; the scales s are 1 where a family has none.

    Args:
        width: of a row.
        heads: of the attention.
        hidden: of the MLP.
        activation: see ``layers.ACTIVATIONS``.
        eps: of the layer norms.
        layer_scale: learned scales of both branches.
        gated: SwiGLU in the place of the MLP.
    """

    def __init__(
        self,
        *,
        width: int,
        heads: int,
        hidden: int,
        activation: str,
        eps: float,
        layer_scale: bool = False,
        gated: bool = False,
    ) -> None:
        super().__init__()
        self.num_heads = heads
        self.norm1 = LayerNorm(width, eps=eps)
        self.q, self.k, self.v = Linear(width, width), Linear(width, width), Linear(width, width)
        self.o = Linear(width, width)
        self.norm2 = LayerNorm(width, eps=eps)
        self.mlp = SwiGlu(width, hidden) if gated else Mlp(width, hidden, activation)
        self.scale1 = LayerScale(width) if layer_scale else None
        self.scale2 = LayerScale(width) if layer_scale else None

    def qkv(self, normed: Tokens, *, rows: int | None = None) -> tuple[QueryRows, Heads, Heads]:
        """Query, key and value heads of the normalised input; queries of the first ``rows`` rows alone where given."""
        asking = normed if rows is None else normed[:, :rows]
        heads = self.num_heads
        return (
            attn.split_heads(self.q(asking), heads),
            attn.split_heads(self.k(normed), heads),
            attn.split_heads(self.v(normed), heads),
        )

    def value(self, normed: Tokens) -> Heads:
        """Value heads of the normalised input."""
        return attn.split_heads(self.v(normed), self.num_heads)

    def out(self, heads: QueryRows) -> Tokens:
        """Output projection of the attention, with its layer scale."""
        mixed = self.o(attn.merge_heads(heads))
        return mixed if self.scale1 is None else self.scale1(mixed)

    def feed_forward(self, x: Tokens) -> Tokens:
        """``x + s2 MLP(LN2(x))``."""
        moved = self.mlp(self.norm2(x))
        return x + (moved if self.scale2 is None else self.scale2(moved))

    def forward(self, x: Tokens, bias: Tensor | None = None) -> Tokens:
        """The ordinary block; ``bias`` is added to the attention logits."""
        mixed = attn.attention(*self.qkv(self.norm1(x)), bias=bias)
        return self.feed_forward(x + self.out(mixed))

    def causal(self, x: Tokens) -> Tokens:
        """The block of a text tower in which a row sees itself and those before it."""
        mixed = F.scaled_dot_product_attention(*self.qkv(self.norm1(x)), is_causal=True)
        return self.feed_forward(x + self.out(mixed))
