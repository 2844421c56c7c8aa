"""SigLIP's way into the joint space: one learned probe attends to all rows, then a feed-forward network.

On a single row the softmax is 1, so that row's own value passes: ``h = W_o (W_v x + b_v) + b_o``, ``e = h + MLP(LN(h))``.
That is how a patch is embedded; the mean of such embeddings is not the image's, for the MLP is not linear.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from tagalign.backbones.towers.layers import LayerNorm, Linear, Mlp
from tagalign.backbones.towers.shapes import VisionShape
from tagalign.ops import attention as attn


class PoolingHead(nn.Module):
    """Multi-head attention pooling; parameters ``probe`` [width], ``q``, ``k``, ``v``, ``o``, ``norm``, ``mlp``."""

    def __init__(self, shape: VisionShape) -> None:
        super().__init__()
        width = shape.width
        self.num_heads = shape.heads
        self.probe = nn.Parameter(torch.empty(width))
        self.q, self.k, self.v = Linear(width, width), Linear(width, width), Linear(width, width)
        self.o = Linear(width, width)
        self.norm = LayerNorm(width, eps=shape.eps)
        self.mlp = Mlp(width, shape.hidden, shape.activation)

    def forward(self, rows: Float[Tensor, "*batch width"]) -> Float[Tensor, "*batch width"]:
        """Each row by itself, as if it were the only one."""
        return self._finish(self.o(self.v(rows)))

    def pool(
        self, rows: Float[Tensor, "batch patches width"], bias: Tensor | None = None
    ) -> Float[Tensor, "batch width"]:
        """All rows of an image as one embedding; ``bias`` is added to the logits of the probe's attention."""
        q, k = self._query_and_keys(rows)
        v = attn.split_heads(self.v(rows), self.num_heads)
        return self._finish(self.o(attn.merge_heads(attn.attention(q, k, v, bias=bias))))[:, 0]

    def attention(self, rows: Float[Tensor, "batch patches width"]) -> Float[Tensor, "batch heads patches"]:
        """How much the probe looks at each row, per head; sums to 1."""
        return attn.attention_probs(*self._query_and_keys(rows))[:, :, 0]

    def _query_and_keys(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        probe = self.probe.expand(rows.shape[0], 1, -1)
        return attn.split_heads(self.q(probe), self.num_heads), attn.split_heads(self.k(rows), self.num_heads)

    def _finish(self, h: Tensor) -> Tensor:
        return h + self.mlp(self.norm(h))
