"""Dense modes of the literature: what happens to the last blocks so that a patch speaks of its own place.

All modes share the ordinary blocks and differ in the last one (``maskclip``, ``sclip``, ``clearclip``, ``naclip``) or the
last six (``surgery``). A mode returns all rows of its dense stream and the class row of the ordinary one.
"""

from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor

from tagalign.backbones.protocols import BlockBackbone, Grid, Tokens
from tagalign.ops import attention as attn
from tagalign.ops.grid import gaussian_neighbourhood

SURGERY_LAYERS = 6  # TagAlign's release: exactly the last six blocks
NACLIP_SIGMA = 5.0  # patches; NACLIP, arXiv:2404.08181, section 4.1

ClassRow = Float[Tensor, "batch 1 width"] | None
Mode = Callable[[BlockBackbone, Tokens, Grid], tuple[Tokens, ClassRow]]


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


def _plain(encoder: BlockBackbone, x: Tokens, grid: Grid) -> tuple[Tokens, ClassRow]:
    x = encoder.blocks[-1](before_last(encoder, x))
    return x, x[:, :1] if encoder.num_prefix else None


def _maskclip(encoder: BlockBackbone, x: Tokens, grid: Grid) -> tuple[Tokens, ClassRow]:
    # every token attends to itself alone; residual stream and feed-forward network stay
    x = before_last(encoder, x)
    last = encoder.blocks[-1]
    q, k, v = last.qkv(last.norm1(x), rows=1)
    return last.feed_forward(x + last.out(v)), class_row_of(encoder, x, q, k, v)


def _other_last(
    encoder: BlockBackbone, x: Tokens, mix: Callable[[Tensor, Tensor, Tensor], Tensor]
) -> tuple[Tokens, Tokens, ClassRow]:
    """Output of another attention in the last block, the block's input, and the class token's ordinary row."""
    x = before_last(encoder, x)
    last = encoder.blocks[-1]
    q, k, v = last.qkv(last.norm1(x))
    return last.out(mix(q, k, v)), x, class_row_of(encoder, x, q, k, v)


def _sclip(encoder: BlockBackbone, x: Tokens, grid: Grid) -> tuple[Tokens, ClassRow]:
    mixed, x, cls = _other_last(encoder, x, attn.correlative_attention)
    return encoder.blocks[-1].feed_forward(x + mixed), cls


def _clearclip(encoder: BlockBackbone, x: Tokens, grid: Grid) -> tuple[Tokens, ClassRow]:
    # Lan et al., ClearCLIP, arXiv:2407.12442: q-q, without the residual stream and the feed-forward network
    mixed, _, cls = _other_last(encoder, x, lambda q, k, v: attn.self_self_attention(q, v))
    return mixed, cls


def _naclip(encoder: BlockBackbone, x: Tokens, grid: Grid) -> tuple[Tokens, ClassRow]:
    # its "reduced" last block: attention output alone, as in ClearCLIP
    near = gaussian_neighbourhood(grid, sigma=NACLIP_SIGMA, device=x.device)
    prefix = encoder.num_prefix
    mixed, _, cls = _other_last(
        encoder, x, lambda q, k, v: attn.neighbourhood_attention(k, v, near, prefix=prefix)
    )
    return mixed, cls


def _surgery(encoder: BlockBackbone, x: Tokens, grid: Grid) -> tuple[Tokens, ClassRow]:
    """Two streams over the last six blocks: the ordinary one, and one that adds v-v attention of the ordinary input.

    ``d <- d + Attn_vv(LN1(x))`` with x the block's input on the ordinary stream, no feed-forward network on d. Of the
    last block the ordinary stream needs the class token only.
    """
    for block in encoder.blocks[:-SURGERY_LAYERS]:
        x = block(x)
    dense = x
    for block in encoder.blocks[-SURGERY_LAYERS:-1]:
        q, k, v = block.qkv(block.norm1(x))
        dense = dense + block.out(attn.self_self_attention(v, v))
        x = block.feed_forward(x + block.out(attn.attention(q, k, v)))
    last = encoder.blocks[-1]
    q, k, v = last.qkv(last.norm1(x), rows=1)
    return dense + last.out(attn.self_self_attention(v, v)), class_row_of(encoder, x, q, k, v)


DENSE_MODES: dict[str, Mode] = {
    "clip": _plain,
    "maskclip": _maskclip,
    "surgery": _surgery,
    "sclip": _sclip,
    "clearclip": _clearclip,
    "naclip": _naclip,
}
