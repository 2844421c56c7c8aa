"""Probabilities of labels as a function of the last block's normalised input, for automatic differentiation."""

from collections.abc import Callable

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from tagalign.backbones.protocols import BlockBackbone
from tagalign.ops import attention as attn


def probs_of_normed(
    backbone: BlockBackbone,
    x: Float[Tensor, "tokens width"],
    text: Float[Tensor, "labels dim"],
    logit_scale: float,
) -> Callable[[Tensor], Tensor]:
    """Probabilities of the labels as a function of the last block's normalised input, for automatic differentiation."""

    def probs(normed: Tensor) -> Tensor:
        # clones made here: tensors of inference mode cannot be saved for a backward pass
        residual, rows = x.clone()[None], text.clone()
        block = backbone.blocks[-1]
        q, k, v = block.qkv(normed[None])
        out = block.feed_forward(residual + block.out(attn.attention_probs(q, k) @ v))
        pooled = backbone.post_norm(out[:, backbone.num_prefix :]).mean(dim=1)[0]
        unit = F.normalize(backbone.to_joint(pooled), dim=-1)
        return (logit_scale * (rows @ unit)).softmax(dim=0)

    return probs
