"""The network: a small CLIP, and beside it a second image head that reads the patches and is thrown away."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import AttentionInterface, CLIPConfig, CLIPModel, CLIPTokenizer

from tagalign.data.tiny_world import SIZE
from tagalign.ops.precision import PRECISIONS, resolve_precision

WIDTH, LAYERS, TEXT_LAYERS, HEADS, PATCH, CONTEXT = 128, 7, 2, 4, 8, 32
PATCHES = (SIZE // PATCH) ** 2
# bfloat16 where the processor has matrix units for it; elsewhere it is many times slower than float32
COMPUTE = PRECISIONS[resolve_precision("auto", torch.device("cpu"))] or torch.float32


class Reach:
    """What share of their attention patches give to the class token and to patches further than `STEPS` away.

    Attributes:
        far: 1 where a patch (row) should not look, with the class token as first column; None: nothing is measured.
        shares: one per layer of the last forward pass.
    """

    STEPS = 2

    def __init__(self) -> None:
        self.far: Tensor | None = None
        self.shares: list[Tensor] = []

    def measure(self, order: Tensor | None) -> None:
        """Start a new measurement for the kept patches `order` (pictures x patches), or stop measuring."""
        self.shares = []
        if order is None:
            self.far = None
            return
        side = SIZE // PATCH
        place = torch.stack([order // side, order % side], -1)
        distance = (place[:, :, None] - place[:, None]).abs().amax(-1)
        self.far = F.pad((distance > self.STEPS).to(COMPUTE), (1, 0), value=1.0)

    def add(self, weights: Tensor) -> None:
        """Weights of one layer: pictures x heads x tokens x tokens."""
        if self.far is not None:
            self.shares.append((weights[:, :, 1:] * self.far[:, None]).sum(-1).float().mean())


REACH = Reach()


def plain_attention(module, query, key, value, attention_mask, scaling, is_causal=False, **_):  # type: ignore[no-untyped-def]
    """Attention by two matrix products: in bfloat16 on a CPU its backward pass is four times faster than sdpa's."""
    scores = query @ key.transpose(-1, -2) * scaling
    if is_causal:
        tokens = scores.shape[-1]
        scores = scores + torch.full((tokens, tokens), -1e4, dtype=scores.dtype).triu(1)
    weights = scores.softmax(-1)
    if not is_causal:
        REACH.add(weights)
    return (weights @ value).transpose(1, 2).contiguous(), None


def new_model(tokenizer: CLIPTokenizer) -> CLIPModel:
    AttentionInterface.register("plain", plain_attention)
    shared = {
        "hidden_size": WIDTH,
        "intermediate_size": 4 * WIDTH,
        "num_attention_heads": HEADS,
        "hidden_act": "gelu",
    }
    marks = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
    text = {
        "vocab_size": len(tokenizer), "num_hidden_layers": TEXT_LAYERS, "max_position_embeddings": CONTEXT,
        "pad_token_id": tokenizer.eos_token_id, **marks,
    }  # fmt: skip
    vision = {"num_hidden_layers": LAYERS, "image_size": SIZE, "patch_size": PATCH}
    config = CLIPConfig(text_config=shared | text, vision_config=shared | vision, projection_dim=WIDTH)
    config._attn_implementation = "plain"
    return CLIPModel(config)


class Trainee(nn.Module):
    """The CLIP and, where the plan has one, a second image head that is thrown away: it reads the patches.

    The head makes the patches hold what the caption says, in directions of its own: the class token alone leaves them
    nearly empty in so small a model. The shipped projection has never seen a patch.
    """

    def __init__(self, clip: CLIPModel, *, patch_head: bool) -> None:
        super().__init__()
        self.clip = clip
        self.patch_head = patch_head
        if patch_head:
            self.pooled_norm = nn.LayerNorm(WIDTH)
            self.pooled_head = nn.Linear(WIDTH, WIDTH, bias=False)
            self.pooled_scale = nn.Parameter(clip.logit_scale.detach().clone())

    def forward(self, pixels: Tensor, ids: Tensor, order: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Embeddings of the class token, of the patches in `order` (by the second head, else none) and of the texts."""
        vision = self.clip.vision_model
        tokens = self.embed(pixels)
        if order.shape[1] < tokens.shape[1] - 1:  # fewer patches: twice the pictures in the same time
            kept = tokens.gather(1, order[..., None].expand(-1, -1, WIDTH) + 1)
            tokens = torch.cat([tokens[:, :1], kept], dim=1)
        hidden = vision.encoder(inputs_embeds=vision.pre_layrnorm(tokens)).last_hidden_state
        image = self.clip.visual_projection(vision.post_layernorm(hidden[:, 0]))
        return image, self.read(hidden[:, 1:]), self.text(ids)

    def read(self, patches: Tensor) -> Tensor:
        """What the second head makes of patches; an empty tensor without one."""
        return self.pooled_head(self.pooled_norm(patches)) if self.patch_head else patches[:, :0]

    def scales(self) -> list[nn.Parameter]:
        """The logit scales of all losses."""
        return [self.clip.logit_scale, *([self.pooled_scale] if self.patch_head else [])]

    def embed(self, pixels: Tensor) -> Tensor:
        """The embeddings of CLIP; its convolution written as a product, whose gradient is cheaper."""
        parts = self.clip.vision_model.embeddings
        rows = SIZE // PATCH
        blocks = pixels.reshape(len(pixels), 3, rows, PATCH, rows, PATCH).permute(0, 2, 4, 1, 3, 5)
        patches = F.linear(
            blocks.reshape(len(pixels), rows * rows, -1), parts.patch_embedding.weight.flatten(1)
        )
        cls = parts.class_embedding.expand(len(pixels), 1, -1)
        return torch.cat([cls, patches], dim=1) + parts.position_embedding.weight

    def text(self, ids: Tensor) -> Tensor:
        """Text embeddings, read at the first end mark."""
        text = self.clip.text_model
        hidden = text.embeddings(input_ids=ids)
        hidden = text.final_layer_norm(text.encoder(inputs_embeds=hidden, is_causal=True).last_hidden_state)
        ends = (ids == self.clip.config.text_config.eos_token_id).int().argmax(1)
        return self.clip.text_projection(hidden[torch.arange(len(ids)), ends])
