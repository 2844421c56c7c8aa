"""SigLIP, and SigLIP 2 of fixed size: no class row, an attention pooling head, sigmoid scores with a bias.

A patch is embedded as the pooling head embeds a single row (``towers.pooling``). The text tower reads the last of all its
positions, padding included and unmasked, as it was trained: a prompt that is not padded to the context is another prompt.
"""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from tagalign.backbones.clip import BLOCK_NAMES, block_sizes, word_sizes
from tagalign.backbones.config import Values, part_of, patches_fit, size
from tagalign.backbones.family import Tensors, TowerFamily
from tagalign.backbones.preprocess import Preprocessing
from tagalign.backbones.text import TextRule
from tagalign.backbones.towers.shapes import TextShape, VisionShape
from tagalign.errors import ModelError

DEFAULTS: Mapping[str, Any] = {
    "hidden_size": 768,
    "intermediate_size": 3072,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "hidden_act": "gelu_pytorch_tanh",
    "layer_norm_eps": 1e-6,
}
TEXT: Mapping[str, Any] = {**DEFAULTS, "vocab_size": 32000, "max_position_embeddings": 64}
VISION: Mapping[str, Any] = {**DEFAULTS, "image_size": 224, "patch_size": 16, "vision_use_head": True}
"""What a config may leave out: transformers' values; the published ones of SigLIP 2 leave out nearly everything."""

FIRST = TextRule(start="", end="</s>", lower=True, strip_punctuation=True, pad="context", pad_token="</s>")  # noqa: S106  a token's name
"""SigLIP: sentencepiece of c4; padded with the end token itself."""

SECOND = TextRule(start="", end="<eos>", lower=True, pad="context", pad_token="<pad>")  # noqa: S106  a token's name
"""SigLIP 2: Gemma's tokenizer, whatever class the folder names; punctuation stays."""

LARGE_VOCABULARY = 100_000
"""Between SigLIP's 32,000 tokens and the 256,000 of SigLIP 2, for folders that do not name their tokenizer."""


def shapes(config: Mapping[str, Any]) -> tuple[VisionShape, TextShape]:
    """Both towers.

    Raises:
        ModelError: for a value that is no size, or a tower without its head.
    """
    vision, text = part_of(config, "vision_config", VISION), part_of(config, "text_config", TEXT)
    if not vision["vision_use_head"]:
        raise ModelError(
            "config.json: vision_use_head is false: a tower cut from a chat model has no text space; take a whole SigLIP, "
            "such as google/siglip2-base-patch16-224"
        )
    width = size(vision, "hidden_size")
    dim = size(text, "projection_size" if text.get("projection_size") is not None else "hidden_size")
    if dim != width:
        raise ModelError(
            f"config.json: texts have {dim} dimensions and images {width}; they must be equal in a SigLIP"
        )
    return _vision(vision, dim), _text(text, dim)


def _vision(values: Values, dim: int) -> VisionShape:
    shape = VisionShape(
        **block_sizes(values),
        patch_size=size(values, "patch_size"),
        image_size=size(values, "image_size"),
        dim=dim,
        num_prefix=0,
        patch_bias=True,
        pre_norm=False,
        head="pool",
    )
    patches_fit(shape.image_size, shape.patch_size)
    return shape


def _text(values: Values, dim: int) -> TextShape:
    return TextShape(
        **block_sizes(values),
        **word_sizes(values),
        dim=dim,
        causal=False,
        read="last",
        head_bias=True,
    )


def text_rule(config: Mapping[str, Any], tokenizer: Mapping[str, Any]) -> TextRule:
    """SigLIP's rule or that of SigLIP 2: by the tokenizer the folder names, else by the size of the vocabulary."""
    named = str(tokenizer.get("tokenizer_class", ""))
    if "Gemma" in named or "Siglip2" in named:
        return SECOND
    if "Siglip" in named:
        return FIRST
    vocabulary = size(part_of(config, "text_config", TEXT), "vocab_size")
    return SECOND if vocabulary > LARGE_VOCABULARY else FIRST


def unpack(tensors: Tensors) -> Tensors:
    """The pooling head's packed query, key and value as three, in this order; views, not copies."""
    found = dict(tensors)
    for kind in ("weight", "bias"):
        packed = found.pop(f"vision_model.head.attention.in_proj_{kind}", None)
        if packed is not None:
            for part, rows in zip("qkv", packed.chunk(3), strict=True):
                found[f"vision_model.head.attention.{part}.{kind}"] = rows
    if (probe := found.get("vision_model.head.probe")) is not None:
        found["vision_model.head.probe"] = probe.reshape(-1)
    return found


def scales(tensors: dict[str, Tensor], config: Mapping[str, Any]) -> tuple[float, float]:
    """``exp(logit_scale)``, which nothing caps, and ``logit_bias``; both of shape [1] in the files.

    Raises:
        ModelError: if one is missing.
    """
    for name in ("logit_scale", "logit_bias"):
        if name not in tensors:
            raise ModelError(f"{name} is missing; the weights do not fit the config")
    return float(tensors.pop("logit_scale").float().exp()), float(tensors.pop("logit_bias").float())


FAMILY = TowerFamily(
    model_type="siglip",
    title="SigLIP and SigLIP 2 (fixed size)",
    shapes=shapes,
    names=(
        (r"^vision_model\.", "vision."),
        (r"^text_model\.", "text."),
        *BLOCK_NAMES,
        (r"^vision\.embeddings\.patch_embedding\.", "vision.patches."),
        (r"\.embeddings\.position_embedding\.weight$", ".positions"),
        (r"^text\.embeddings\.token_embedding\.weight$", "text.tokens"),
        (r"^vision\.post_layernorm\.", "vision.post_norm."),
        (r"^text\.final_layer_norm\.", "text.post_norm."),
        (r"^vision\.head\.attention\.([qkv])\.", r"vision.head.\1."),
        (r"^vision\.head\.attention\.out_proj\.", "vision.head.o."),
        (r"^vision\.head\.layernorm\.", "vision.head.norm."),
    ),
    text_rule=text_rule,
    pixels=Preprocessing(image_size=224, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5), squash=True),
    scales=scales,
    prepare=unpack,
)
