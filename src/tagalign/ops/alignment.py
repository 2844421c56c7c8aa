"""PEARL's aligned attention: keys are turned towards queries before they are compared.

Heads have the shape ``(batch, heads, tokens, head_dim)``. One rotation per head and image, from all its tokens.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from tagalign.ops.attention import Heads
from tagalign.ops.option_values import KEY_WEIGHT, Factor

Matrix = Float[Tensor, "batch heads head_dim head_dim"]

WEIGHT_FLOOR = 1e-6
NORM_FLOOR = 1e-6
NEWTON_STEPS = 5  # PEARL, released


def centred(q: Heads, k: Heads, *, prefix: int) -> tuple[Heads, Heads]:
    """Queries and keys minus their means over patches, weighted by the norm of the query; ``prefix`` rows weigh 0."""
    weights = q.norm(dim=-1, keepdim=True)
    weights = F.pad(weights[:, :, prefix:], (0, 0, prefix, 0))
    weights = weights / (weights.sum(dim=2, keepdim=True) + WEIGHT_FLOOR)
    return q - (weights * q).sum(dim=2, keepdim=True), k - (weights * k).sum(dim=2, keepdim=True)


def newton_factor(cross: Matrix, *, steps: int = NEWTON_STEPS) -> Matrix:
    """The orthogonal factor of a matrix by a few Newton-Schulz steps, as released.

    ``A = C'C, f = |A|, Y = A / f + 1e-6 I, Z = I``; each step ``G = (3 I - Z Y) / 2, Y = Y G, Z = G Z``; ``C Z / sqrt(f)``.
    Five steps do not converge: weak directions come out shorter than 1, so this is a soft alignment and no rotation.
    """
    identity = torch.eye(cross.shape[-1], dtype=cross.dtype, device=cross.device)
    gram = cross.transpose(2, 3) @ cross
    size = gram.norm(dim=(2, 3), keepdim=True).clamp_min(NORM_FLOOR)
    y, z = gram / size + 1e-6 * identity, identity.expand_as(gram)
    for _ in range(steps):
        step = (3 * identity - z @ y) / 2
        y, z = y @ step, step @ z
    return cross @ z / size.sqrt()


def svd_factor(cross: Matrix) -> Matrix:
    """``U V'`` of ``C = U S V'``: the orthogonal factor, in float64 inside; reflections are allowed."""
    u, _, vh = torch.linalg.svd(cross.double())
    return (u @ vh).to(cross.dtype)


FACTORS = {"newton": newton_factor, "svd": svd_factor}


def cross_matrix(q: Heads, k: Heads, *, prefix: int) -> Matrix:
    """``Kc' Qc`` over all tokens, prefix rows included."""
    own_q, own_k = centred(q, k, prefix=prefix)
    return own_k.transpose(2, 3) @ own_q


def aligned_attention(
    q: Heads, k: Heads, v: Heads, *, prefix: int, factor: Factor = "newton", key_weight: float = KEY_WEIGHT
) -> Heads:
    """``softmax(s Q (K R)' + key_weight s Kc Kc') v`` with R the orthogonal factor of ``Kc' Qc``, s = head_dim ** -0.5.

    Only R and the second term see centred rows. Both terms are one product of rows twice as long, so that the map is
    never held.

    Args:
        q: query heads.
        k: key heads.
        v: value heads.
        prefix: rows before the patches; they do not count in the means.
        factor: ``newton`` as released, ``svd`` as the paper writes.
        key_weight: of the likeness of centred keys; 0 in the paper.

    Reference:
        PEARL, arXiv:2603.21528, aligned attention.
    """
    own_q, own_k = centred(q, k, prefix=prefix)
    rotation = FACTORS[factor](own_k.transpose(2, 3) @ own_q)
    # rows twice as long, one softmax: the scale stays that of the true head_dim
    asking = torch.cat([q, key_weight * own_k], dim=-1)
    asked = torch.cat([k @ rotation, own_k], dim=-1)
    return F.scaled_dot_product_attention(asking, asked, v, scale=q.shape[-1] ** -0.5)
