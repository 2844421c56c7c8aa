"""Class activation maps of a vision transformer's last block, with its gradient in closed form for all tags together.

The target is the output of the last block's first layer norm; the map of a tag is ``ReLU(sum_c w_c h_c)`` with w the
gradient of the tag's probability, averaged over the patches. Weights are arguments here; nothing is loaded.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from tagalign.ops.activations import QUICK_GELU
from tagalign.ops.attention import merge_heads, split_heads

GRADIENT_BUDGET = 2**24
"""Numbers of the largest tensor of a chunk of tags: 64 MB in float32, whatever the number of tags."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Affine:
    """``x @ weight.T + bias``."""

    weight: Float[Tensor, "out in"]
    bias: Float[Tensor, " out"]

    def __call__(self, x: Float[Tensor, "*batch in"]) -> Float[Tensor, "*batch out"]:
        """Apply it."""
        return F.linear(x, self.weight, self.bias)


@dataclass(frozen=True, kw_only=True, eq=False)
class Norm:
    """Layer norm with its parameters."""

    weight: Float[Tensor, " width"]
    bias: Float[Tensor, " width"]
    eps: float

    def standardise(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """``(x - mean) / sigma`` and ``1 / sigma``; the gradient needs both."""
        centred = x - x.mean(dim=-1, keepdim=True)
        inverse = (centred.square().mean(dim=-1, keepdim=True) + self.eps).rsqrt()
        return centred * inverse, inverse

    def backward(self, grad: Tensor, standard: Tensor, inverse: Tensor) -> Tensor:
        """Gradient of the input from the gradient of the output."""
        grad = grad * self.weight
        along = (grad * standard).mean(dim=-1, keepdim=True)
        return inverse * (grad - grad.mean(dim=-1, keepdim=True) - standard * along)


@dataclass(frozen=True, kw_only=True, eq=False)
class LastBlock:
    """Weights of the last transformer block and of what follows it: last layer norm and projection into the joint space."""

    num_heads: int
    query: Affine
    key: Affine
    value: Affine
    out: Affine
    norm2: Norm
    fc1: Affine
    fc2: Affine
    activation: str
    post_norm: Norm
    projection: Float[Tensor, "dim width"]


def quick_gelu(x: Tensor) -> tuple[Tensor, Tensor]:
    """``x sigmoid(1.702 x)`` and its derivative."""
    gate = torch.sigmoid(QUICK_GELU * x)
    return x * gate, gate * (1 + QUICK_GELU * x * (1 - gate))


def gelu(x: Tensor) -> tuple[Tensor, Tensor]:
    """``x Phi(x)`` and its derivative."""
    phi = 0.5 * (1 + torch.erf(x * 0.5**0.5))
    density = torch.exp(-0.5 * x.square()) * (2 * torch.pi) ** -0.5
    return x * phi, phi + x * density


ACTIVATIONS: dict[str, Callable[[Tensor], tuple[Tensor, Tensor]]] = {"quick_gelu": quick_gelu, "gelu": gelu}
"""By transformers' name: value and derivative."""


@dataclass(frozen=True, kw_only=True, eq=False)
class _Forward:
    """What the backward pass needs of the forward pass of one image; tokens are the class token and the patches."""

    q: Float[Tensor, "heads tokens head_dim"]
    k: Float[Tensor, "heads tokens head_dim"]
    v: Float[Tensor, "heads tokens head_dim"]
    probs: Float[Tensor, "heads patches tokens"]
    mixed: Float[Tensor, "heads patches head_dim"]
    standard1: Float[Tensor, "patches width"]
    inverse1: Float[Tensor, "patches 1"]
    slope: Float[Tensor, "patches hidden"]
    standard2: Float[Tensor, "patches width"]
    inverse2: Float[Tensor, "patches 1"]
    pooled: Float[Tensor, " width"]


def tag_weights(
    block: LastBlock,
    x: Float[Tensor, "tokens width"],
    normed: Float[Tensor, "tokens width"],
    text: Float[Tensor, "labels dim"],
    *,
    num_tags: int,
    logit_scale: float,
) -> tuple[Float[Tensor, "tags width"], Float[Tensor, " labels"]]:
    """Grad-CAM weights of the first ``num_tags`` labels, and the probabilities of all labels.

    ``p = softmax(logit_scale * cos(project(mean of patches after the last layer norm), text))``,
    ``w_k = mean over patches of d p_k / d normed``.

    Args:
        block: weights.
        x: input of the last block, class token first.
        normed: its first layer norm, the target of the gradient.
        text: unit-length embeddings, tags first, then background words.
        num_tags: how many of them are tags.
        logit_scale: CLIP's inverse temperature.

    Reference:
        Lin et al., CLIP-ES, arXiv:2212.09506, softmax-GradCAM. Costs one forward pass of the block and about half a
        backward pass per tag: the attention's gradient is needed only as sums over rows and columns.
    """
    state = _forward(block, x, normed)
    probs, grad_pooled = _probability_gradients(block, state.pooled, text, num_tags, logit_scale)
    # a chunk holds tags x patches x width, and tags x hidden x width, which is larger for all but the largest photos
    step = max(1, GRADIENT_BUDGET // (max(len(x) - 1, len(block.fc1.weight)) * x.shape[1]))
    chunks = [_backward(block, state, chunk) for chunk in grad_pooled.split(step)]
    return torch.cat(chunks) if chunks else x.new_zeros(0, x.shape[1]), probs


def _forward(block: LastBlock, x: Tensor, normed: Tensor) -> _Forward:
    q, k, v = (
        split_heads(f(normed)[None], block.num_heads)[0] for f in (block.query, block.key, block.value)
    )
    # the gradient of the class token's row is zero (only patches are pooled), so its query is never asked
    probs = (q[:, 1:] @ k.transpose(1, 2) * q.shape[-1] ** -0.5).softmax(dim=-1)
    mixed = probs @ v
    x = x[1:] + block.out(merge_heads(mixed[None])[0])
    standard1, inverse1 = block.norm2.standardise(x)
    hidden, slope = ACTIVATIONS[block.activation](
        block.fc1(standard1 * block.norm2.weight + block.norm2.bias)
    )
    standard2, inverse2 = block.post_norm.standardise(x + block.fc2(hidden))
    pooled = standard2.mean(dim=0) * block.post_norm.weight + block.post_norm.bias
    return _Forward(
        q=q, k=k, v=v, probs=probs, mixed=mixed, standard1=standard1, inverse1=inverse1, slope=slope,
        standard2=standard2, inverse2=inverse2, pooled=pooled,
    )  # fmt: skip


def _probability_gradients(
    block: LastBlock, pooled: Tensor, text: Tensor, num_tags: int, logit_scale: float
) -> tuple[Tensor, Tensor]:
    """Probabilities, and the gradient of each tag's with respect to the pooled features."""
    embed = block.projection @ pooled
    norm = embed.norm()
    unit = embed / norm
    probs = (logit_scale * (text @ unit)).softmax(dim=0)
    tags = probs[:num_tags]
    # d p_k / d logit_j = p_k (1[k = j] - p_j)
    grad_unit = logit_scale * tags[:, None] * (text[:num_tags] - probs @ text)
    grad_embed = (grad_unit - (grad_unit @ unit)[:, None] * unit) / norm
    return probs, grad_embed @ block.projection


def _backward(block: LastBlock, f: _Forward, grad_pooled: Float[Tensor, "tags width"]) -> Tensor:
    grad = _to_attention_output(block, f, grad_pooled)
    return _through_attention(block, f, grad) / len(f.standard1)


def _to_attention_output(
    block: LastBlock, f: _Forward, grad_pooled: Tensor
) -> Float[Tensor, "tags patches width"]:
    """Gradient of what the attention adds to the residual stream, through last layer norm and feed-forward network.

    Every patch has the same gradient before the last layer norm, so ``d x2 = (a_k - b_ik s_i) / sigma_i`` with one vector a
    per tag, one number b per tag and patch, and s the standardised patch: the products with the big weights are shared by
    all tags, but for one.
    """
    patches, width = f.standard2.shape
    same = grad_pooled * block.post_norm.weight / patches
    along = (f.standard2 @ same.T / width).T[..., None]  # tags patches 1
    same = same - same.mean(dim=1, keepdim=True)
    shared = (f.slope * (f.standard2 @ block.fc2.weight)) @ block.fc1.weight
    scaled = (same @ block.fc2.weight)[:, :, None] * block.fc1.weight  # tags hidden width
    own = (f.slope @ scaled.transpose(0, 1).flatten(1)).unflatten(1, (len(same), width)).transpose(0, 1)
    through_mlp = f.inverse2 * (own - along * shared)
    direct = f.inverse2 * (same[:, None] - along * f.standard2)
    return direct + block.norm2.backward(through_mlp, f.standard1, f.inverse1)


def _through_attention(block: LastBlock, f: _Forward, grad: Tensor) -> Float[Tensor, "tags width"]:
    """Sum over patches of the gradient of the normalised input, by its three ways: query, key and value.

    With S the attention logits: rows of dS sum to 0, so the sum over patch keys is minus the class token's column; the sum
    over queries needs ``probs^T grad`` alone.
    """
    scale = f.q.shape[-1] ** -0.5
    heads = split_heads(grad @ block.out.weight, block.num_heads)  # tags heads patches head_dim
    inner = (heads * f.mixed).sum(dim=-1, keepdim=True)
    seen = f.probs.transpose(1, 2) @ torch.cat([heads, inner], dim=-1)
    columns = (seen[..., :-1] * f.v).sum(dim=-1) - seen[..., -1]
    cls = f.probs[:, :, :1]
    to_cls = cls * ((heads @ f.v[:, 0, :, None]) - inner)
    sum_q = scale * (columns[..., None] * f.k).sum(dim=2)
    sum_k = -scale * (to_cls * f.q[:, 1:]).sum(dim=2)
    sum_v = ((1 - cls) * heads).sum(dim=2)
    ways = ((sum_q, block.query), (sum_k, block.key), (sum_v, block.value))
    return torch.stack([total.flatten(1) @ way.weight for total, way in ways]).sum(dim=0)


def activation_maps(
    weights: Float[Tensor, "tags width"], normed_patches: Float[Tensor, "patches width"]
) -> Float[Tensor, "patches tags"]:
    """``sum_c w_c h_c`` at each patch, before the ReLU."""
    return normed_patches @ weights.T


def tag_weights_autograd(
    forward: Callable[[Tensor], Tensor],
    normed: Float[Tensor, "tokens width"],
    num_tags: int,
    *,
    prefix: int = 1,
) -> Float[Tensor, "tags width"]:
    """The same weights by automatic differentiation, for activations without a closed form here (and as their check).

    Args:
        forward: from the normalised input to the probabilities of all labels.
        normed: where the gradient is taken.
        num_tags: how many of the first labels are tags.
        prefix: rows before the patches.
    """
    with torch.inference_mode(False), torch.enable_grad():
        leaf = normed.clone().requires_grad_(True)
        probs = forward(leaf)[:num_tags]
        rows = torch.eye(num_tags, dtype=probs.dtype, device=probs.device)
        (grads,) = torch.autograd.grad(probs, leaf, rows, is_grads_batched=True)
    return grads[:, prefix:].mean(dim=1)
