"""Patch embeddings from any Hugging Face ``CLIPModel``, in the dense modes of the literature.

The wrapped model is only read: no module is swapped, no buffer changed, gradients are off. All modes share the ordinary
layers and differ in the last block (``maskclip``, ``sclip``, ``clearclip``, ``naclip``) or the last six (``surgery``).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from transformers import PreTrainedModel

from tagalign.backbones.preprocess import Preprocessing
from tagalign.backbones.text import Tokenizer
from tagalign.errors import InputError, UnknownNameError
from tagalign.ops import attention as attn
from tagalign.ops.activations import quick_gelu_
from tagalign.ops.grid import gaussian_neighbourhood, resize_positions

SURGERY_LAYERS = 6  # TagAlign's release: exactly the last six blocks
NACLIP_SIGMA = 5.0  # patches; NACLIP, arXiv:2404.08181, section 4.1

Tokens = Float[Tensor, "batch tokens width"]
ClassRow = Float[Tensor, "batch 1 width"]
Grid = tuple[int, int]
Block = Any
"""A ``CLIPEncoderLayer``; transformers leaves its parts untyped."""


@dataclass(frozen=True, kw_only=True, eq=False)
class DenseFeatures:
    """What the vision tower makes of a batch, before its last layer norm and projection.

    Attributes:
        patches: patch rows of the dense stream.
        cls: class-token row of the ordinary stream.
        grid: rows and columns of patches; pixels that do not fill a patch are dropped at the bottom and right.
    """

    patches: Float[Tensor, "batch patches width"]
    cls: Float[Tensor, "batch width"]
    grid: Grid


class DenseCLIP(nn.Module):
    """A frozen CLIP that gives patch embeddings.

    Attributes:
        name: where it came from (a folder, a hub id, ``tiny``).
        weight_hash: of the weights, for caches and reports.
        embed_dim: dimension of the joint space.
        width: of the vision tower.
        patch_size: pixels.
    """

    def __init__(
        self,
        clip: PreTrainedModel,
        tokenizer: Tokenizer | None,
        preprocessing: Preprocessing,
        *,
        name: str = "clip",
        weight_hash: str = "",
    ) -> None:
        super().__init__()
        self.clip: Any = clip.eval().requires_grad_(False)
        self.tokenizer: Any = tokenizer
        self.preprocessing = preprocessing
        self.name = name
        self.weight_hash = weight_hash
        config: Any = clip.config
        vision = config.vision_config
        # GroupViT projects with several layers, which have no size of their own
        projection: Any = clip.visual_projection
        self.embed_dim: int = getattr(projection, "out_features", config.projection_dim)
        self.width: int = vision.hidden_size
        self.patch_size: int = vision.patch_size
        self.num_layers: int = vision.num_hidden_layers
        self._quick_gelu = getattr(vision, "hidden_act", "") == "quick_gelu"

    def train(self, mode: bool = True) -> "DenseCLIP":
        """Frozen means frozen: the encoder stays in evaluation mode."""
        return super().train(False)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.clip.logit_scale.device

    @property
    def dtype(self) -> torch.dtype:
        """Of the weights."""
        return self.clip.logit_scale.dtype

    @property
    def logit_scale(self) -> float:
        """CLIP's inverse temperature ``exp(t)``, at most 100."""
        return min(float(self.clip.logit_scale.exp()), 100.0)

    @property
    def layers(self) -> list[Block]:
        """The transformer blocks of the vision tower, first to last."""
        return list(self.clip.vision_model.encoder.layers)

    def grid_of(self, height: int, width: int) -> Grid:
        """Patches that fit into an image.

        Raises:
            InputError: if not a single patch fits.
        """
        grid = (height // self.patch_size, width // self.patch_size)
        if 0 in grid:
            raise InputError(
                f"expected at least {self.patch_size} x {self.patch_size} pixels, got {height} x {width}"
            )
        return grid

    def embed_patches(
        self,
        pixels: Float[Tensor, "batch 3 height pixel_width"],
        *,
        positions: Literal["bicubic", "bilinear"] = "bicubic",
        round_positions: bool = False,
    ) -> tuple[Tokens, Grid]:
        """Input of the first block: class token and patches with positions, after the first layer norm.

        Args:
            pixels: normalised.
            positions: ``bicubic`` (TagAlign) or ``bilinear`` (TagCLIP) resize of the position embeddings.
            round_positions: resized ones to half precision, as TagCLIP's release does.
        """
        embeddings = self.clip.vision_model.embeddings
        grid = self.grid_of(pixels.shape[2], pixels.shape[3])
        patches = embeddings.patch_embedding(pixels.to(self.dtype)).flatten(2).transpose(1, 2)
        # shape, not len(): len() is a plain number, and an ONNX export would freeze the batch size
        cls = embeddings.class_embedding.expand(pixels.shape[0], 1, -1)
        native = embeddings.position_embedding.weight
        resized = resize_positions(native, grid, mode=positions)
        if round_positions and resized is not native:
            resized = resized.half().to(native.dtype)
        return self.clip.vision_model.pre_layrnorm(torch.cat([cls, patches], dim=1) + resized), grid

    def qkv(self, layer: Block, normed: Tokens) -> tuple[Tensor, Tensor, Tensor]:
        """The block's own query, key and value heads of its normalised input."""
        block = layer.self_attn
        heads = block.num_heads
        return (
            attn.split_heads(block.q_proj(normed), heads),
            attn.split_heads(block.k_proj(normed), heads),
            attn.split_heads(block.v_proj(normed), heads),
        )

    def value(self, layer: Block, normed: Tokens) -> Tensor:
        """The block's value heads of its normalised input."""
        return attn.split_heads(layer.self_attn.v_proj(normed), layer.self_attn.num_heads)

    def block(self, layer: Block, x: Tokens, bias: Tensor | None = None) -> Tokens:
        """One ordinary block; ``bias`` is added to the attention logits."""
        mixed = attn.attention(*self.qkv(layer, layer.layer_norm1(x)), bias=bias)
        return self.feed_forward(layer, x + self.out(layer, mixed))

    def out(self, layer: Block, heads: Tensor) -> Tokens:
        """Output projection of a block's attention."""
        return layer.self_attn.out_proj(attn.merge_heads(heads))

    def feed_forward(self, layer: Block, x: Tokens) -> Tokens:
        """``x + MLP(LN2(x))`` of a block; where nothing needs a gradient, the hidden layer is activated in place."""
        normed = layer.layer_norm2(x)
        if normed.requires_grad or not self._quick_gelu:
            return x + layer.mlp(normed)
        return x + layer.mlp.fc2(quick_gelu_(layer.mlp.fc1(normed)))

    def attention_map(self, layer: Block, x: Tokens) -> Float[Tensor, "batch tokens keys"]:
        """Head mean of a block's attention probabilities, from its input ``x``."""
        q, k, _ = self.qkv(layer, layer.layer_norm1(x))
        return attn.head_mean_probs(q, k)

    @torch.no_grad()
    def attention_maps(
        self, pixels: Float[Tensor, "batch 3 height pixel_width"]
    ) -> Float[Tensor, "layers batch tokens keys"]:
        """Head-mean attention probabilities of every block; holds ``layers x batch x tokens^2`` numbers."""
        x, _ = self.embed_patches(pixels)
        maps = []
        for layer in self.layers:
            maps.append(self.attention_map(layer, x))
            x = self.block(layer, x)
        return torch.stack(maps)

    @torch.no_grad()
    def encode_dense(
        self, pixels: Float[Tensor, "batch 3 height pixel_width"], *, mode: str = "clip"
    ) -> DenseFeatures:
        """Dense features in one of ``DENSE_MODES``.

        Raises:
            UnknownNameError: if the mode is not one of them.
            InputError: if the image is smaller than a patch.
        """
        if mode not in DENSE_MODES:
            raise UnknownNameError("dense mode", mode, DENSE_MODES)
        x, grid = self.embed_patches(pixels)
        dense, cls = DENSE_MODES[mode](self, x, grid)
        return DenseFeatures(patches=dense[:, 1:], cls=cls[:, 0], grid=grid)

    def project(self, features: Float[Tensor, "*batch width"]) -> Float[Tensor, "*batch dim"]:
        """CLIP's own last layer norm and visual projection."""
        return self.clip.visual_projection(self.clip.vision_model.post_layernorm(features))

    @torch.no_grad()
    def encode_ids(self, ids: Int[Tensor, "prompts tokens"]) -> Float[Tensor, "prompts dim"]:
        """Text embeddings of token ids; any norm."""
        # no mask: the tower is causal and read at the first end token, so what follows it never counts
        output = self.clip.get_text_features(input_ids=ids.to(self.device))
        return output.pooler_output

    def encode_text(self, prompts: Sequence[str], *, batch_size: int = 256) -> Float[Tensor, "prompts dim"]:
        """Text embeddings of prompts; any norm. Prompts past the text context are cut, with a warning."""
        ids = self.tokenizer(prompts)
        if not len(ids):
            return torch.zeros(0, self.embed_dim, device=self.device, dtype=self.dtype)
        return torch.cat([self.encode_ids(chunk) for chunk in ids.split(batch_size)])


def _before_last(clip: DenseCLIP, x: Tokens) -> Tokens:
    for layer in clip.layers[:-1]:
        x = clip.block(layer, x)
    return x


def _cls_row(clip: DenseCLIP, x: Tokens, normed: Tokens, v: Tensor) -> ClassRow:
    """The ordinary last block for the class token alone."""
    layer = clip.layers[-1]
    block = layer.self_attn
    q = attn.split_heads(block.q_proj(normed[:, :1]), block.num_heads)
    k = attn.split_heads(block.k_proj(normed), block.num_heads)
    return clip.feed_forward(layer, x[:, :1] + clip.out(layer, attn.attention(q, k, v)))


def _plain(clip: DenseCLIP, x: Tokens, grid: Grid) -> tuple[Tokens, ClassRow]:
    x = clip.block(clip.layers[-1], _before_last(clip, x))
    return x, x[:, :1]


def _maskclip(clip: DenseCLIP, x: Tokens, grid: Grid) -> tuple[Tokens, ClassRow]:
    # every token attends to itself alone; residual stream and feed-forward network stay
    x = _before_last(clip, x)
    layer = clip.layers[-1]
    normed = layer.layer_norm1(x)
    v = clip.value(layer, normed)
    return clip.feed_forward(layer, x + clip.out(layer, v)), _cls_row(clip, x, normed, v)


def _other_last(
    clip: DenseCLIP, x: Tokens, mix: Callable[[Tensor, Tensor, Tensor], Tensor]
) -> tuple[Tokens, Tokens, ClassRow]:
    """Output of another attention in the last block, the block's input, and the class token's ordinary row."""
    x = _before_last(clip, x)
    layer = clip.layers[-1]
    normed = layer.layer_norm1(x)
    q, k, v = clip.qkv(layer, normed)
    return clip.out(layer, mix(q, k, v)), x, _cls_row(clip, x, normed, v)


def _sclip(clip: DenseCLIP, x: Tokens, grid: Grid) -> tuple[Tokens, ClassRow]:
    mixed, x, cls = _other_last(clip, x, attn.correlative_attention)
    return clip.feed_forward(clip.layers[-1], x + mixed), cls


def _clearclip(clip: DenseCLIP, x: Tokens, grid: Grid) -> tuple[Tokens, ClassRow]:
    # Lan et al., ClearCLIP, arXiv:2407.12442: q-q, without the residual stream and the feed-forward network
    mixed, _, cls = _other_last(clip, x, lambda q, k, v: attn.self_self_attention(q, v))
    return mixed, cls


def _naclip(clip: DenseCLIP, x: Tokens, grid: Grid) -> tuple[Tokens, ClassRow]:
    # its "reduced" last block: attention output alone, as in ClearCLIP
    near = gaussian_neighbourhood(grid, sigma=NACLIP_SIGMA, device=x.device)
    mixed, _, cls = _other_last(clip, x, lambda q, k, v: attn.neighbourhood_attention(k, v, near))
    return mixed, cls


def _surgery(clip: DenseCLIP, x: Tokens, grid: Grid) -> tuple[Tokens, ClassRow]:
    """Two streams over the last six blocks: the ordinary one, and one that adds v-v attention of the ordinary input.

    ``d <- d + Attn_vv(LN1(x))`` with x the block's input on the ordinary stream, no feed-forward network on d. Of the
    last block the ordinary stream needs the class token only.
    """
    for layer in clip.layers[:-SURGERY_LAYERS]:
        x = clip.block(layer, x)
    dense = x
    for layer in clip.layers[-SURGERY_LAYERS:-1]:
        q, k, v = clip.qkv(layer, layer.layer_norm1(x))
        dense = dense + clip.out(layer, attn.self_self_attention(v, v))
        x = clip.feed_forward(layer, x + clip.out(layer, attn.attention(q, k, v)))
    last = clip.layers[-1]
    normed = last.layer_norm1(x)
    v = clip.value(last, normed)
    return dense + clip.out(last, attn.self_self_attention(v, v)), _cls_row(clip, x, normed, v)


DENSE_MODES: dict[str, Callable[[DenseCLIP, Tokens, Grid], tuple[Tokens, ClassRow]]] = {
    "clip": _plain,
    "maskclip": _maskclip,
    "surgery": _surgery,
    "sclip": _sclip,
    "clearclip": _clearclip,
    "naclip": _naclip,
}
