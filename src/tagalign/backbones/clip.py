"""CLIP: OpenAI's, MetaCLIP, DFN, LAION's, and everything else whose ``config.json`` says ``clip``."""

from collections.abc import Mapping
from typing import Any

from tagalign.backbones.config import Values, choice, heads_of, number, part_of, patches_fit, size
from tagalign.backbones.family import TowerFamily, same_rule
from tagalign.backbones.preprocess import Preprocessing
from tagalign.backbones.text import TextRule
from tagalign.backbones.towers.layers import ACTIVATIONS
from tagalign.backbones.towers.shapes import TextShape, VisionShape

DEFAULTS: Mapping[str, Any] = {
    "num_hidden_layers": 12,
    "hidden_act": "quick_gelu",
    "layer_norm_eps": 1e-5,
}
TEXT: Mapping[str, Any] = {
    **DEFAULTS,
    "vocab_size": 49408,
    "hidden_size": 512,
    "intermediate_size": 2048,
    "num_attention_heads": 8,
    "max_position_embeddings": 77,
    "eos_token_id": 49407,
}
VISION: Mapping[str, Any] = {
    **DEFAULTS,
    "hidden_size": 768,
    "intermediate_size": 3072,
    "num_attention_heads": 12,
    "image_size": 224,
    "patch_size": 32,
}
"""What a config may leave out: transformers' values."""

HIGHEST = 2
"""OpenAI's configs give this end id although it is none: the text is read at the highest id of the prompt."""


def shapes(config: Mapping[str, Any]) -> tuple[VisionShape, TextShape]:
    """Both towers of a CLIP.

    Raises:
        ModelError: for a value that is no size.
    """
    text = text_shape(config, highest=HIGHEST)
    return vision_shape(config, dim=text.dim), text


def block_sizes(values: Values) -> dict[str, Any]:
    """What the blocks of both towers are built from, as their config names it; fields of both shapes."""
    return {
        "width": size(values, "hidden_size"),
        "layers": size(values, "num_hidden_layers"),
        "heads": heads_of(values),
        "hidden": size(values, "intermediate_size"),
        "activation": choice(values, "hidden_act", ACTIVATIONS),
        "eps": number(values, "layer_norm_eps"),
    }


def word_sizes(values: Values) -> dict[str, Any]:
    """Ids and places of a text tower."""
    return {
        "vocabulary": size(values, "vocab_size"),
        "context": size(values, "max_position_embeddings"),
    }


def vision_shape(config: Mapping[str, Any], *, dim: int) -> VisionShape:
    """The vision tower of CLIP and MetaCLIP 2."""
    values = part_of(config, "vision_config", VISION)
    shape = VisionShape(
        **block_sizes(values),
        patch_size=size(values, "patch_size"),
        image_size=size(values, "image_size"),
        dim=dim,
    )
    patches_fit(shape.image_size, shape.patch_size)
    return shape


def text_shape(config: Mapping[str, Any], *, highest: int | None) -> TextShape:
    """The text tower of CLIP and MetaCLIP 2; an end id of ``highest`` means the highest id of a prompt."""
    values = part_of(config, "text_config", TEXT)
    end_id = values["eos_token_id"]
    return TextShape(
        **block_sizes(values),
        **word_sizes(values),
        dim=size({"projection_dim": 512, **config}, "projection_dim"),
        read="highest" if end_id == highest else "end",
        end_id=size(values, "eos_token_id"),
    )


BLOCK_NAMES = (
    (r"\.encoder\.layers\.", ".blocks."),
    (r"\.layer_norm([12])\.", r".norm\1."),
    (r"\.self_attn\.([qkv])_proj\.", r".\1."),
    (r"\.self_attn\.out_proj\.", ".o."),
)
NAMES = (
    (r"^vision_model\.", "vision."),
    (r"^text_model\.", "text."),
    *BLOCK_NAMES,
    (r"^vision\.embeddings\.patch_embedding\.", "vision.patches."),
    (r"^vision\.embeddings\.class_embedding$", "vision.class_row"),
    (r"\.embeddings\.position_embedding\.weight$", ".positions"),
    (r"^text\.embeddings\.token_embedding\.weight$", "text.tokens"),
    (r"^vision\.pre_layrnorm\.", "vision.pre_norm."),  # so spelled
    (r"^vision\.post_layernorm\.", "vision.post_norm."),
    (r"^text\.final_layer_norm\.", "text.post_norm."),
    (r"^visual_projection\.", "vision.head."),
    (r"^text_projection\.", "text.head."),
)

FAMILY = TowerFamily(
    model_type="clip",
    title="CLIP",
    shapes=shapes,
    names=NAMES,
    text_rule=same_rule(TextRule()),
    pixels=Preprocessing(image_size=224),
)
