"""TIPSv2: a class row and a register before the patches, no projection, texts averaged over their tokens.

Its authors segment with the value path (``maskclip``): patch rows after the last layer norm are in the joint space as they
are. Published files carry the authors' own names, and no temperature: that comes from the config.

Reference: google-deepmind/tips, TIPSv2; the numbers are checked against transformers' ``Tipsv2Model``.
"""

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from tagalign.backbones.clip import BLOCK_NAMES
from tagalign.backbones.config import choice, heads_of, number, part_of, patches_fit, size
from tagalign.backbones.family import Tensors, TowerFamily, same_rule
from tagalign.backbones.preprocess import Preprocessing
from tagalign.backbones.text import TextRule
from tagalign.backbones.towers.layers import ACTIVATIONS
from tagalign.backbones.towers.shapes import TextShape, VisionShape
from tagalign.errors import ModelError

TEMPERATURE = 0.005065968260169029
"""Of the published models: cosines are multiplied by 197.4."""

DEFAULTS: Mapping[str, Any] = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12}
TEXT: Mapping[str, Any] = {
    **DEFAULTS,
    "vocab_size": 32000,
    "intermediate_size": 3072,
    "max_position_embeddings": 64,
    "hidden_act": "relu",
    "layer_norm_eps": 1e-5,
    "pad_token_id": 0,
    "scale_sqrt_depth": True,
}
VISION: Mapping[str, Any] = {
    **DEFAULTS,
    "mlp_ratio": 4,
    "hidden_act": "gelu",
    "layer_norm_eps": 1e-6,
    "image_size": 448,
    "patch_size": 14,
    "use_swiglu_ffn": False,
    "num_register_tokens": 1,
}
"""What a config may leave out: transformers' values."""

PADDING = TextRule(start="", end="", lower=True, pad="context", pad_token="<pad>")  # noqa: S106  a token's name


def shapes(config: Mapping[str, Any]) -> tuple[VisionShape, TextShape]:
    """Both towers; they share the joint dimension, for there is no projection.

    Raises:
        ModelError: for a value that is no size.
    """
    vision, text = part_of(config, "vision_config", VISION), part_of(config, "text_config", TEXT)
    width = size(vision, "hidden_size")
    if size(text, "hidden_size") != width:
        raise ModelError(
            f"config.json: texts have {text['hidden_size']} dimensions and images {width}; they must be equal in a TIPSv2"
        )
    return _vision(vision, width), _text(text, width)


def _vision(values: Mapping[str, Any], dim: int) -> VisionShape:
    gated = bool(values["use_swiglu_ffn"])
    hidden = int(dim * number(values, "mlp_ratio"))
    registers = values["num_register_tokens"]
    if not isinstance(registers, int) or registers < 0:
        raise ModelError(f"config.json: num_register_tokens: expected a whole number, got {registers!r}")
    shape = VisionShape(
        width=dim,
        layers=size(values, "num_hidden_layers"),
        heads=heads_of(values),
        # of a SwiGLU two thirds, rounded up to a multiple of 8
        hidden=(int(hidden * 2 / 3) + 7) // 8 * 8 if gated else hidden,
        patch_size=size(values, "patch_size"),
        image_size=size(values, "image_size"),
        dim=dim,
        activation=choice(values, "hidden_act", ACTIVATIONS),
        eps=number(values, "layer_norm_eps"),
        num_prefix=1 + registers,
        patch_bias=True,
        pre_norm=False,
        layer_scale=True,
        gated=gated,
        positions="bilinear",
        antialias=True,
        head="none",
    )
    patches_fit(shape.image_size, shape.patch_size)
    return shape


def _text(values: Mapping[str, Any], dim: int) -> TextShape:
    return TextShape(
        width=dim,
        layers=size(values, "num_hidden_layers"),
        heads=heads_of(values),
        hidden=size(values, "intermediate_size"),
        vocabulary=size(values, "vocab_size"),
        context=size(values, "max_position_embeddings"),
        dim=dim,
        activation=choice(values, "hidden_act", ACTIVATIONS),
        eps=number(values, "layer_norm_eps"),
        causal=False,
        pad_id=int(values["pad_token_id"]),
        sinusoidal=True,
        scaled=bool(values["scale_sqrt_depth"]),
        read="mean",
        head=False,
    )


def scales(tensors: dict[str, Tensor], config: Mapping[str, Any]) -> tuple[float, float]:
    """``1 / temperature``, which nothing caps; of the config where the file has none, as the published ones have not.

    Raises:
        ModelError: if it is not positive.
    """
    given = tensors.pop("temperature", None)
    value = config.get("temperature_init_value", TEMPERATURE) if given is None else float(given.float())
    return 1 / number({"temperature": value}, "temperature"), 0.0


PACKED = (
    (
        re.compile(r"\.attn\.qkv\.(weight|bias)$"),
        (r".attention.q_proj.", r".attention.k_proj.", r".attention.v_proj."),
    ),
    (
        re.compile(r"\.attn\.in_proj_(weight|bias)$"),
        (r".self_attn.q_proj.", r".self_attn.k_proj.", r".self_attn.v_proj."),
    ),
    (re.compile(r"\.mlp\.w12\.(weight|bias)$"), (r".mlp.gate_proj.", r".mlp.up_proj.")),
)
"""The authors' packed layers, and their parts in the order of the rows."""


def prepare(tensors: Tensors) -> Tensors:
    """The authors' packed layers as single ones; the mask token, which nothing uses, is left out."""
    found: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        if name.endswith("mask_token"):
            continue
        for pattern, parts in PACKED:
            if match := pattern.search(name):
                rows = tensor.chunk(len(parts))
                found |= {name[: match.start()] + p + match[1]: r for p, r in zip(parts, rows, strict=True)}
                break
        else:
            # [1, 1, width], [1, n, width]: rows without the leading 1
            found[name] = tensor[0] if name.endswith(ROWS) else tensor
    return {k: v.reshape(-1) if k.endswith("cls_token") else v for k, v in found.items()}


ROWS = ("cls_token", "register_tokens", "pos_embed", "position_embeddings")

AUTHORS = (
    (r"^text_encoder\.", "text_model."),
    (r"^vision_encoder\.", "vision_model."),
    (r"^text_model\.transformer\.resblocks\.", "text_model.encoder.layers."),
    (r"^text_model\.ln_final\.", "text_model.final_layer_norm."),
    (r"^text_model\.token_embedding\.", "text_model.embeddings.token_embedding."),
    (r"\.ln_([12])\.", r".layer_norm\1."),
    (r"\.attn\.out_proj\.", ".self_attn.out_proj."),
    (r"\.mlp\.c_fc\.", ".mlp.fc1."),
    (r"\.mlp\.c_proj\.", ".mlp.fc2."),
    (r"^vision_model\.patch_embed\.proj\.", "vision_model.embeddings.patch_embeddings.projection."),
    (r"^vision_model\.(cls_token|register_tokens)$", r"vision_model.embeddings.\1"),
    (r"^vision_model\.pos_embed$", "vision_model.embeddings.position_embeddings"),
    (r"^vision_model\.norm\.", "vision_model.layernorm."),
    (r"^vision_model\.blocks\.", "vision_model.encoder.layer."),
    (r"\.attn\.proj\.", ".attention.o_proj."),
    (r"\.ls([12])\.gamma$", r".layer_scale\1.lambda1"),
    (r"\.mlp\.w3\.", ".mlp.down_proj."),
)
"""From the published names to transformers'."""

FAMILY = TowerFamily(
    model_type="tipsv2",
    title="TIPSv2",
    shapes=shapes,
    names=(
        *AUTHORS,
        (r"^vision_model\.", "vision."),
        (r"^text_model\.", "text."),
        *BLOCK_NAMES,
        (r"^vision\.embeddings\.patch_embeddings\.projection\.", "vision.patches."),
        (r"^vision\.embeddings\.cls_token$", "vision.class_row"),
        (r"^vision\.embeddings\.register_tokens$", "vision.registers"),
        (r"^vision\.embeddings\.position_embeddings$", "vision.positions"),
        (r"^vision\.encoder\.layer\.", "vision.blocks."),
        (r"\.attention\.([qkvo])_proj\.", r".\1."),
        (r"\.layer_scale([12])\.lambda1$", r".scale\1.factor"),
        (r"\.mlp\.(gate|up|down)_proj\.", r".mlp.\1."),
        (r"^vision\.layernorm\.", "vision.post_norm."),
        (r"^text\.embeddings\.token_embedding\.weight$", "text.tokens"),
        (r"^text\.final_layer_norm\.", "text.post_norm."),
    ),
    text_rule=same_rule(PADDING),
    pixels=Preprocessing(image_size=448, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0)),
    scales=scales,
    prepare=prepare,
)
