"""The steps of RCS: the walk to the last block, and its attention mixed with that of earlier blocks."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from tagalign.backbones.mode_profiles import known
from tagalign.backbones.modes.rcs import Rcs, residual_blocks
from tagalign.backbones.protocols import BlockBackbone, Grid, Heads, Tokens
from tagalign.backbones.stream import BlockInput, Stream
from tagalign.ops.attention import attention
from tagalign.ops.grid import gaussian_neighbourhood

Feedback = Float[Tensor, "batch tokens tokens"]

SIGMA = 5.0  # patches, of NACLIP's Gaussian


@dataclass(frozen=True, kw_only=True, eq=False)
class RcsStart:
    """What the last attention needs, before it is computed: one image or a batch.

    Attributes:
        x: input of the last block.
        earlier: queries and keys of the blocks that are mixed in; the maps themselves would be larger.
    """

    x: Tokens
    earlier: tuple[tuple[Heads, Heads], ...]


def start(stream: Stream) -> tuple[RcsStart, BlockInput]:
    """The walk to the last block."""
    earlier = tuple(stream.input_of(i).heads[:2] for i in residual_blocks(stream.num_blocks))
    last = stream.last()
    return RcsStart(x=last.x, earlier=earlier), last


def finish(
    mode: Rcs,
    encoder: BlockBackbone,
    start: RcsStart,
    grid: Grid,
    *,
    last: BlockInput | None = None,
    feedback: Feedback | None = None,
    feedback_gain: float = 1.0,
) -> Tokens:
    """All rows of the dense stream.

    Args:
        mode: the options.
        encoder: the encoder.
        start: what ``start`` returned.
        grid: rows and columns of patches.
        last: input of the last block with heads that are known already.
        feedback: added to ``feedback_gain`` times the base scores, prefix rows and columns included.
        feedback_gain: see ``feedback``.
    """
    last = last or BlockInput(encoder.blocks[-1], start.x)
    q, k, v = last.heads
    bias = _bias(mode, grid, encoder.num_prefix, feedback, v)
    pairs = {"naclip": [(k, k)], "clearclip": [(q, q)], "sclip": [(q, q), (k, k)], "clip": [(q, k)]}
    # the gain is of the scores alone: the Gaussian comes after it, as released
    base = torch.stack([attention(feedback_gain * a, b, v, bias=bias) for a, b in pairs[mode.base]]).sum(
        dim=0
    )
    # a mean of attentions over one set of values is the mean of their outputs: no map is ever held
    earlier = torch.stack([attention(a, b, v) for a, b in start.earlier]).mean(dim=0)
    share = known(mode.residual_weight)
    mixed = last.block.out(known(mode.gain) * ((1 - share) * base + share * earlier))
    return last.block.feed_forward(start.x + mixed) if mode.base == "sclip" else mixed


def _bias(mode: Rcs, grid: Grid, prefix: int, feedback: Feedback | None, like: Tensor) -> Tensor | None:
    if mode.base != "naclip":
        return None if feedback is None else feedback[:, None].to(like)
    near = gaussian_neighbourhood(grid, sigma=SIGMA, device=like.device)
    near = F.pad(near, (prefix, 0, prefix, 0)).to(like)
    return near if feedback is None else near + feedback[:, None].to(like)
