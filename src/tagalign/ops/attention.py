"""Self-attention in the variants that dense CLIP methods use; all on already projected heads.

``q``, ``k``, ``v`` have the shape ``(batch, heads, tokens, head_dim)``; the scale is ``head_dim ** -0.5``.
"""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

Heads = Float[Tensor, "batch heads tokens head_dim"]
Queries = Float[Tensor, "batch heads queries head_dim"]


def split_heads(x: Float[Tensor, "batch tokens width"], num_heads: int) -> Heads:
    """``(batch, tokens, heads * head_dim)`` to heads."""
    return x.unflatten(2, (num_heads, -1)).transpose(1, 2)


def merge_heads(x: Heads) -> Float[Tensor, "batch tokens width"]:
    """The inverse of ``split_heads``."""
    return x.transpose(1, 2).flatten(2)


def attention(q: Queries, k: Heads, v: Heads, bias: Float[Tensor, "..."] | None = None) -> Queries:
    """``softmax(q k^T / sqrt(head_dim) + bias) v``, fused, without keeping the map.

    Args:
        q: any number of rows.
        k: keys.
        v: values.
        bias: added to the logits; broadcasts over batch, heads and rows.
    """
    return F.scaled_dot_product_attention(q, k, v, attn_mask=bias)


def attention_probs(q: Queries, k: Heads) -> Float[Tensor, "batch heads queries tokens"]:
    """``softmax(q k^T / sqrt(head_dim))``: rows sum to 1."""
    return (q @ k.transpose(2, 3) * q.shape[-1] ** -0.5).softmax(dim=-1)


def self_self_attention(x: Heads, v: Heads) -> Heads:
    """Attention with one projection as query and key: v-v (CLIP-Surgery), q-q (ClearCLIP)."""
    return attention(x, x, v)


def correlative_attention(q: Heads, k: Heads, v: Heads) -> Heads:
    """``(softmax(q q^T) + softmax(k k^T)) v``: SCLIP's correlative self-attention.

    Reference:
        Wang et al., SCLIP, arXiv:2312.01597, correlative self-attention.
    """
    return attention(q, q, v) + attention(k, k, v)


def neighbourhood_attention(
    k: Heads, v: Heads, neighbourhood: Float[Tensor, "patches patches"], *, prefix: int = 1
) -> Heads:
    """``softmax(k k^T / sqrt(head_dim) + neighbourhood) v``; the first ``prefix`` rows get no neighbourhood term.

    Reference:
        Hajimiri et al., NACLIP, arXiv:2404.08181, neighbourhood attention with key-key similarity.
    """
    bias = F.pad(neighbourhood, (prefix, 0, prefix, 0)).to(k.dtype)
    return attention(k, k, v, bias=bias)


def head_mean_probs(q: Queries, k: Heads) -> Float[Tensor, "batch queries tokens"]:
    """Mean over heads of ``attention_probs``, one head at a time so that only two maps are held."""
    num_heads = q.shape[1]
    total = attention_probs(q[:, :1], k[:, :1])[:, 0]
    for head in range(1, num_heads):
        total = total + attention_probs(q[:, head : head + 1], k[:, head : head + 1])[:, 0]
    return total / num_heads
