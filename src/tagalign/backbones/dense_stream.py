"""What dense modes share: the walk to the last block, and the class row of the ordinary stream.

A dense mode is what happens to the last blocks so that a patch speaks of its own place. Each has a file in ``modes``.
"""

from collections.abc import Callable

from torch import Tensor

from tagalign.backbones.protocols import BlockBackbone, ClassRow, Tokens
from tagalign.ops import attention as attn


def before_last(encoder: BlockBackbone, x: Tokens) -> Tokens:
    """Input of the last block."""
    for block in encoder.blocks[:-1]:
        x = block(x)
    return x


def class_row_of(encoder: BlockBackbone, x: Tokens, q: Tensor, k: Tensor, v: Tensor) -> ClassRow:
    """The ordinary last block for the class row alone; None for a family without one.

    Args:
        encoder: the encoder.
        x: input of the last block.
        q: query heads; only their first row is asked.
        k: key heads of all rows.
        v: value heads of all rows.
    """
    if not encoder.num_prefix:
        return None
    last = encoder.blocks[-1]
    return last.feed_forward(x[:, :1] + last.out(attn.attention(q[:, :, :1], k, v)))


def other_last(
    encoder: BlockBackbone, x: Tokens, mix: Callable[[Tensor, Tensor, Tensor], Tensor]
) -> tuple[Tokens, Tokens, ClassRow]:
    """Another attention in the last block.

    Args:
        encoder: the encoder.
        x: input of the first block.
        mix: from query, key and value heads of all rows to the heads of the dense stream.

    Returns:
        Output of the attention without residual and feed-forward network, the block's input, the ordinary class row.
    """
    x = before_last(encoder, x)
    last = encoder.blocks[-1]
    q, k, v = last.qkv(last.norm1(x))
    return last.out(mix(q, k, v)), x, class_row_of(encoder, x, q, k, v)
