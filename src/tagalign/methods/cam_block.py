"""The last block of a backbone as ``ops.cam`` wants it, and its probabilities as a function of the normalised input."""

from collections.abc import Callable
from typing import Any

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from tagalign.backbones.dense_clip import DenseCLIP
from tagalign.ops import attention as attn
from tagalign.ops.cam import Affine, LastBlock, Norm


def last_block(backbone: DenseCLIP) -> LastBlock:
    """The weights themselves, not copies."""
    layer = backbone.layers[-1]
    attention, mlp = layer.self_attn, layer.mlp
    return LastBlock(
        num_heads=attention.num_heads,
        query=_affine(attention.q_proj),
        key=_affine(attention.k_proj),
        value=_affine(attention.v_proj),
        out=_affine(attention.out_proj),
        norm2=_norm(layer.layer_norm2),
        fc1=_affine(mlp.fc1),
        fc2=_affine(mlp.fc2),
        activation=backbone.clip.config.vision_config.hidden_act,
        post_norm=_norm(backbone.clip.vision_model.post_layernorm),
        projection=backbone.clip.visual_projection.weight,
    )


def _affine(linear: Any) -> Affine:
    return Affine(weight=linear.weight, bias=linear.bias)


def _norm(norm: Any) -> Norm:
    return Norm(weight=norm.weight, bias=norm.bias, eps=norm.eps)


def probs_of_normed(
    backbone: DenseCLIP,
    x: Float[Tensor, "tokens width"],
    text: Float[Tensor, "labels dim"],
    logit_scale: float,
) -> Callable[[Tensor], Tensor]:
    """Probabilities of the labels as a function of the last block's normalised input, for automatic differentiation."""

    def probs(normed: Tensor) -> Tensor:
        # clones made here: tensors of inference mode cannot be saved for a backward pass
        residual, rows = x.clone()[None], text.clone()
        layer = backbone.layers[-1]
        mixed = attn.attention_probs(*(qkv := backbone.qkv(layer, normed[None]))[:2]) @ qkv[2]
        out = backbone.feed_forward(layer, residual + backbone.out(layer, mixed))[:, 1:]
        pooled = backbone.clip.vision_model.post_layernorm(out).mean(dim=1)[0]
        unit = F.normalize(backbone.clip.visual_projection(pooled), dim=-1)
        return (logit_scale * (rows @ unit)).softmax(dim=0)

    return probs
