"""One pass of the vision tower for TagCLIP and CLS-SEG: dense embeddings, trusted attention, affinity.

Attention maps are accumulated layer by layer and never kept; the memory does not grow with the depth.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from tagalign.backbones.protocols import BlockBackbone
from tagalign.brief import Brief
from tagalign.methods.tagclip.profiles import LayerChoice
from tagalign.ops import attention as attn
from tagalign.ops.affinity import above_mean, attend_and_average

Observer = Callable[[int, Tensor], None]
"""Called with the number of a layer and its head-mean attention ``(batch, tokens, tokens)``, class token first."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class TagClipPass(Brief):
    """What one pass gives for a batch of images of one size.

    Attributes:
        embeds: class token and patches in the joint space, of the last block without its self-attention; any norm.
        attention: mean of the refinement layers between patches, 0 where a pair is not trusted.
        affinity: mean of the affinity layers between patches.
        last_input: input of the last block; None unless asked for.
        grid: rows and columns of patches.
    """

    embeds: Float[Tensor, "batch tokens dim"]
    attention: Float[Tensor, "batch patches patches"]
    affinity: Float[Tensor, "batch patches patches"] | None
    last_input: Float[Tensor, "batch tokens width"] | None
    grid: tuple[int, int]


class _Maps:
    """Running sums of the attention maps of one pass."""

    def __init__(
        self, layers: LayerChoice, *, prefix: int, affinity: bool, observer: Observer | None
    ) -> None:
        self.layers = layers
        self.prefix = prefix
        self.wants_affinity = affinity
        self.observer = observer
        self.refine: Tensor | None = None
        self.affinity: Tensor | None = None
        self.votes: Tensor | None = None

    def add(self, layer: int, mean_map: Tensor) -> None:
        if self.observer is not None:
            self.observer(layer, mean_map)
        # rows are not renormalised without the class token: a patch that looks at it counts for less, as released
        between = mean_map[:, self.prefix :, self.prefix :].contiguous()
        votes = above_mean(between).to(torch.uint8)
        self.votes = votes if self.votes is None else self.votes.add_(votes)
        if layer in self.layers.refine:
            self.refine = _add(self.refine, between)
        if self.wants_affinity and layer in self.layers.affinity:
            self.affinity = _add(self.affinity, between)

    def trusted(self) -> Tensor:
        """Mean of the refinement layers where enough layers voted for the pair."""
        if self.refine is None or self.votes is None:
            raise AssertionError("no layer was added")
        mean = self.refine / len(self.layers.refine)
        return mean.masked_fill_(self.votes < self.layers.min_votes, 0.0)

    def mean_affinity(self) -> Tensor | None:
        return None if self.affinity is None else self.affinity / len(self.layers.affinity)


def _add(total: Tensor | None, mean_map: Tensor) -> Tensor:
    return mean_map.clone() if total is None else total.add_(mean_map)


@torch.inference_mode()
def tagclip_pass(
    backbone: BlockBackbone,
    pixels: Float[Tensor, "batch 3 height width"],
    layers: LayerChoice,
    *,
    round_positions: bool = False,
    keep_last_attention: bool = False,
    keep_last_input: bool = False,
    observer: Observer | None = None,
) -> TagClipPass:
    """Run the vision tower once.

    Args:
        backbone: any CLIP vision transformer.
        pixels: normalised; sides are multiples of the patch size.
        layers: which attention maps count.
        round_positions: a quirk of the release.
        keep_last_attention: leave the last block as it is (the paper's Table 1); else its attention is the identity.
        keep_last_input: keep what class activation maps need, the affinity and the last block's input.
        observer: sees the attention map of every layer.
    """
    # bilinear, as TagCLIP's release; the dense modes resize positions bicubic
    x, grid = backbone.embed_patches(pixels, positions="bilinear", round_positions=round_positions)
    maps = _Maps(layers, prefix=backbone.num_prefix, affinity=keep_last_input, observer=observer)
    for number, block in enumerate(backbone.blocks[:-1]):
        mixed, mean_map = attend_and_average(*block.qkv(block.norm1(x)))
        maps.add(number, mean_map)
        x = block.feed_forward(x + block.out(mixed))
    dense, mean_map = _last_block(backbone, x, keep_attention=keep_last_attention)
    maps.add(backbone.num_layers - 1, mean_map)
    return TagClipPass(
        embeds=backbone.project(dense),
        attention=maps.trusted(),
        affinity=maps.mean_affinity(),
        last_input=x if keep_last_input else None,
        grid=grid,
    )


def _last_block(backbone: BlockBackbone, x: Tensor, *, keep_attention: bool) -> tuple[Tensor, Tensor]:
    """Output of the last block, every token attending to itself alone, and the map of its ordinary attention."""
    block = backbone.blocks[-1]
    q, k, v = block.qkv(block.norm1(x))
    # the vote takes the ordinary map of this block too, as released, although its output does without
    if keep_attention:
        mixed, mean_map = attend_and_average(q, k, v)
    else:
        mixed, mean_map = v, attn.head_mean_probs(q, k)
    return block.feed_forward(x + block.out(mixed)), mean_map
