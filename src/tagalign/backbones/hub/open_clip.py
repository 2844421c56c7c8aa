"""open_clip's checkpoints under the names and the config of transformers' ``CLIPModel``.

Two things lie here: the renaming of tensors (``CLIP``, ``CustomTextCLIP`` and OpenAI's own archives) and the reading of
``open_clip_config.json``. What ``CLIPModel`` cannot hold is refused by name, with what it is: a tower that loads with a
piece left out gives wrong numbers without a word.

Source: mlfoundations/open_clip, ``model.py`` and ``transformer.py`` (commit 89fb801), for the names and the defaults.
"""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tagalign.errors import ModelError

if TYPE_CHECKING:
    from torch import Tensor

TIMM = "an image tower of timm (SigLIP, EVA, ConvNeXt, ViTamin), which only open_clip builds"
RESNET = "a ResNet image tower, which has no patches of equal standing"
HF_TEXT = "a text tower from the Hugging Face hub (RoBERTa, XLM-R), not CLIP's own"
COCA = "a CoCa (attention pooling, and a text decoder)"
TAKE_INSTEAD = "take a CLIP with plain ViT towers, such as laion/CLIP-ViT-B-16-laion2B-s34B-b88K"

REFUSED_NAMES: tuple[tuple[str, str], ...] = (
    (r"visual\.trunk\.", TIMM),
    (r"visual\.(attnpool|layer1)\b", RESNET),
    (r"text\.transformer\.embeddings\b", HF_TEXT),
    (r"visual\.attn_pool\b|text_decoder\.", COCA),
    (r".*\bls_[12]\.gamma$", "layer scale inside its blocks"),
    (r"(text\.)?cls_emb$", "a class token in its text tower (CoCa)"),
    (r"(text\.)?text_projection\.(weight|bias)$", "a linear layer with bias as text projection"),
    (r"logit_bias$", "a logit bias (trained with SigLIP's loss), which CLIP's scores do not know"),
)
"""Pattern of a tensor's name, matched at its start, and what a model that has it is."""

DROPPED = frozenset({"attn_mask", "input_resolution", "context_length", "vocab_size", "positional_ids"})
"""Buffers and numbers of older files; the model makes them itself."""

_OUTER: dict[str, str] = {
    "visual.conv1.weight": "vision_model.embeddings.patch_embedding.weight",
    "visual.class_embedding": "vision_model.embeddings.class_embedding",
    "visual.positional_embedding": "vision_model.embeddings.position_embedding.weight",
    "visual.ln_pre.weight": "vision_model.pre_layrnorm.weight",  # so spelled in transformers
    "visual.ln_pre.bias": "vision_model.pre_layrnorm.bias",
    "visual.ln_post.weight": "vision_model.post_layernorm.weight",
    "visual.ln_post.bias": "vision_model.post_layernorm.bias",
    "visual.proj": "visual_projection.weight",
    "token_embedding.weight": "text_model.embeddings.token_embedding.weight",
    "positional_embedding": "text_model.embeddings.position_embedding.weight",
    "ln_final.weight": "text_model.final_layer_norm.weight",
    "ln_final.bias": "text_model.final_layer_norm.bias",
    "text_projection": "text_projection.weight",
    "logit_scale": "logit_scale",
}
_BLOCK: dict[str, str] = {
    "attn.out_proj": "self_attn.out_proj",
    "ln_1": "layer_norm1",
    "ln_2": "layer_norm2",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
}
_TRANSPOSED = frozenset({"visual.proj", "text_projection"})
_BLOCK_NAME = re.compile(r"(visual\.)?transformer\.resblocks\.(\d+)\.(.+)\.(weight|bias)")
_IN_PROJ_NAME = re.compile(r"(visual\.)?transformer\.resblocks\.(\d+)\.attn\.in_proj_(weight|bias)")


def to_clip_names(tensors: "Mapping[str, Tensor]", *, where: str) -> "dict[str, Tensor]":
    """A state dict of open_clip under the names of ``CLIPModel``; values are views of the given ones where that is possible.

    ``in_proj`` is cut into query, key and value in this order, both projections are transposed, a logit scale of shape [1]
    becomes a scalar, everything else keeps its value.

    Args:
        tensors: of ``CLIP``, or of ``CustomTextCLIP`` (whose text tower begins with ``text.``).
        where: file or repository, for messages.

    Raises:
        ModelError: for a model that ``CLIPModel`` cannot hold, and for any name without a place.
    """
    _refuse_names(tensors, where)
    renamed: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        plain = name.removeprefix("text.")
        if plain.rpartition(".")[2] in DROPPED:
            continue
        renamed |= _renamed(plain, tensor, where=where, shown=name)
    return renamed


def _refuse_names(tensors: "Mapping[str, Tensor]", where: str) -> None:
    for name in tensors:
        for pattern, what in REFUSED_NAMES:
            if re.match(pattern, name):
                raise ModelError(f"{where}: has {what} ({name}); {TAKE_INSTEAD}")
    if "visual.conv1.weight" in tensors and "visual.ln_pre.weight" not in tensors:
        raise ModelError(
            f"{where}: its image tower has no layer norm before the blocks (visual.ln_pre); {TAKE_INSTEAD}"
        )


def _renamed(name: str, tensor: "Tensor", *, where: str, shown: str) -> "dict[str, Tensor]":
    if name in _OUTER:
        if name in _TRANSPOSED:
            tensor = tensor.T
        return {_OUTER[name]: tensor.reshape(()) if name == "logit_scale" else tensor}
    if match := _IN_PROJ_NAME.fullmatch(name):
        if tensor.shape[0] % 3:
            raise ModelError(f"{where}: {shown} has {tensor.shape[0]} rows, expected a multiple of 3")
        parts = tensor.chunk(3)
        prefix = _block_prefix(match)
        return {f"{prefix}self_attn.{p}_proj.{match[3]}": t for p, t in zip("qkv", parts, strict=True)}
    if (match := _BLOCK_NAME.fullmatch(name)) and match[3] in _BLOCK:
        return {f"{_block_prefix(match)}{_BLOCK[match[3]]}.{match[4]}": tensor}
    raise ModelError(f"{where}: {shown} has no place in a CLIP; is it another model? {TAKE_INSTEAD}")


def _block_prefix(match: re.Match[str]) -> str:
    tower = "vision_model" if match[1] else "text_model"
    return f"{tower}.encoder.layers.{match[2]}."


# --- the config -------------------------------------------------------------------------------------------------------

QUICK_GELU, GELU = "quick_gelu", "gelu"
HEAD_WIDTH = 64  # of the image tower, where the config is silent
_MODEL_KEYS = frozenset(
    {
        "embed_dim",
        "vision_cfg",
        "text_cfg",
        "quick_gelu",
        "custom_text",
        "init_logit_scale",
        "cast_dtype",
        "output_dict",
    }
)
_VISION_KEYS = frozenset(
    {
        "image_size",
        "layers",
        "width",
        "patch_size",
        "head_width",
        "mlp_ratio",
        "patch_dropout",
        "input_patchnorm",
    }
)
_TEXT_KEYS = frozenset(
    {"context_length", "vocab_size", "width", "heads", "layers", "mlp_ratio", "pad_id", "tokenizer_kwargs"}
)
_NEUTRAL: dict[str, tuple[object, ...]] = {
    "pool_type": ("tok", "argmax"),
    "pos_embed_type": ("learnable",),
    "proj_type": ("linear",),
    "attn_pooler_queries": (256,),
    "attn_pooler_heads": (8,),
}
"""Options that say nothing new with these values; others do so when they are empty: null, false, {}."""


def to_clip_config(values: Mapping[str, Any], *, where: str) -> dict[str, Any]:
    """``open_clip_config.json`` as the ``config.json`` of a ``CLIPModel``.

    Args:
        values: with or without the level ``model_cfg``.
        where: file or repository, for messages.

    Returns:
        A config with ``model_type`` clip; both activations are ``quick_gelu`` or exact ``gelu``, texts end with the last id
        of the vocabulary.

    Raises:
        ModelError: for an option that ``CLIPModel`` does not have, and for sizes that do not fit.
    """
    model = _model_cfg(values, where)
    _refuse_options(model, _MODEL_KEYS, where)
    vision, text = _part(model, "vision_cfg", where), _part(model, "text_cfg", where)
    if vision.get("timm_model_name"):
        raise ModelError(f"{where}: has {TIMM} ({vision['timm_model_name']}); {TAKE_INSTEAD}")
    if isinstance(vision.get("layers"), list):
        raise ModelError(f"{where}: has {RESNET}; {TAKE_INSTEAD}")
    if text.get("hf_model_name"):
        raise ModelError(f"{where}: has {HF_TEXT} ({text['hf_model_name']}); {TAKE_INSTEAD}")
    _refuse_options(vision, _VISION_KEYS, where)
    _refuse_options(text, _TEXT_KEYS, where)
    act = QUICK_GELU if model.get("quick_gelu") else GELU
    dim = _whole(model, "embed_dim", None, where)
    return {
        "model_type": "clip",
        "projection_dim": dim,
        "vision_config": _vision_config(vision, where) | {"hidden_act": act, "projection_dim": dim},
        "text_config": _text_config(text, where) | {"hidden_act": act, "projection_dim": dim},
    }


def to_pixel_rule(values: Mapping[str, Any], *, image_size: int) -> dict[str, Any]:
    """``preprocess_cfg`` as a ``preprocessor_config.json``; CLIP's numbers where it says nothing."""
    from tagalign.backbones.preprocess import CLIP_MEAN, CLIP_STD

    given = values.get("preprocess_cfg") or {}
    squash = given.get("resize_mode", "shortest") == "squash"
    return {
        "image_mean": list(given.get("mean") or CLIP_MEAN),
        "image_std": list(given.get("std") or CLIP_STD),
        "resample": 2 if given.get("interpolation") == "bilinear" else 3,
        "size": {"height": image_size, "width": image_size} if squash else {"shortest_edge": image_size},
        "crop_size": {"height": image_size, "width": image_size},
        "do_normalize": True,
    }


def _model_cfg(values: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    model = values.get("model_cfg", values)  # local folders often hold the inner level alone
    if not isinstance(model, Mapping):
        raise ModelError(f"{where}: expected an object model_cfg, got {type(model).__name__}")
    return model


def _part(model: Mapping[str, Any], key: str, where: str) -> Mapping[str, Any]:
    part = model.get(key)
    if not isinstance(part, Mapping):
        raise ModelError(f"{where}: not a config of open_clip ({key} is missing)")
    return part


def _refuse_options(part: Mapping[str, Any], known: frozenset[str], where: str) -> None:
    for key, value in part.items():
        if key not in known and value and value not in _NEUTRAL.get(key, ()):
            what = (
                COCA
                if key == "multimodal_cfg"
                else f"the option {key} = {value!r}, which a plain CLIP does not know"
            )
            raise ModelError(f"{where}: has {what}; {TAKE_INSTEAD}")


def _vision_config(vision: Mapping[str, Any], where: str) -> dict[str, Any]:
    width = _whole(vision, "width", 768, where)
    head_width = _whole(vision, "head_width", HEAD_WIDTH, where)
    if width % head_width:
        raise ModelError(f"{where}: a width of {width} is no multiple of the head width {head_width}")
    size, patch = _square(vision, "image_size", 224, where), _square(vision, "patch_size", 16, where)
    if size < patch:
        raise ModelError(f"{where}: an image size of {size} pixels is smaller than one patch of {patch}")
    return {
        "model_type": "clip_vision_model",
        "hidden_size": width,
        "num_hidden_layers": _whole(vision, "layers", 12, where),
        "num_attention_heads": width // head_width,
        "intermediate_size": _inner(vision, width, where),
        "patch_size": patch,
        "image_size": size,
        "layer_norm_eps": 1e-5,
    }


def _text_config(text: Mapping[str, Any], where: str) -> dict[str, Any]:
    width = _whole(text, "width", 512, where)
    heads = _whole(text, "heads", 8, where)
    if width % heads:
        raise ModelError(f"{where}: a text width of {width} is no multiple of {heads} heads")
    words = _whole(text, "vocab_size", 49408, where)
    return {
        "model_type": "clip_text_model",
        "hidden_size": width,
        "num_hidden_layers": _whole(text, "layers", 12, where),
        "num_attention_heads": heads,
        "intermediate_size": _inner(text, width, where),
        "max_position_embeddings": _whole(text, "context_length", 77, where),
        "vocab_size": words,
        # open_clip reads a text at its highest id, which is the end token, the last of the vocabulary
        "bos_token_id": words - 2,
        "eos_token_id": words - 1,
        "pad_token_id": words - 1,
        "layer_norm_eps": 1e-5,
    }


def _inner(part: Mapping[str, Any], width: int, where: str) -> int:
    ratio = part.get("mlp_ratio", 4.0)
    if not isinstance(ratio, int | float) or isinstance(ratio, bool) or not 0 < ratio < 100:
        raise ModelError(f"{where}: expected a positive mlp_ratio, got {ratio!r}")
    return int(width * ratio)


def _whole(part: Mapping[str, Any], key: str, default: int | None, where: str) -> int:
    value = part.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ModelError(f"{where}: expected a positive whole number for {key}, got {value!r}")
    return value


def _square(part: Mapping[str, Any], key: str, default: int, where: str) -> int:
    value = part.get(key, default)
    if isinstance(value, list) and len(value) == 2:
        if value[0] != value[1]:
            raise ModelError(f"{where}: {key} is {value[0]} x {value[1]}; only square ones are read")
        value = value[0]
    return _whole({key: value}, key, None, where)


# --- a config from the shapes of an archive ----------------------------------------------------------------------------


def config_of_archive(tensors: "Mapping[str, Tensor]", *, where: str) -> dict[str, Any]:
    """The config of one of OpenAI's archives, which carry none: sizes from the shapes, heads of 64, ``quick_gelu``.

    Raises:
        ModelError: if it is no ViT of that release.
    """
    _refuse_names(tensors, where)
    try:
        conv, positions = tensors["visual.conv1.weight"], tensors["visual.positional_embedding"]
        words, places = tensors["token_embedding.weight"], tensors["positional_embedding"]
        dim = tensors["text_projection"].shape[1]
    except KeyError as error:
        raise ModelError(
            f"{where}: {error.args[0]} is missing; expected one of OpenAI's CLIP archives, or a config.json beside it"
        ) from error
    if not is_openai_archive(tensors):
        raise ModelError(
            f"{where}: has no config beside it, and is none of OpenAI's archives (input_resolution is missing), so its "
            "activation is unknown; put its config.json or open_clip_config.json into the same folder"
        )
    side = round((positions.shape[0] - 1) ** 0.5)
    patch = conv.shape[-1]
    return to_clip_config(
        {
            "embed_dim": dim,
            "quick_gelu": True,
            "vision_cfg": {
                "image_size": side * patch,
                "patch_size": patch,
                "width": conv.shape[0],
                "layers": _depth(tensors, "visual.transformer."),
            },
            "text_cfg": {
                "context_length": places.shape[0],
                "vocab_size": words.shape[0],
                "width": words.shape[1],
                "heads": max(words.shape[1] // HEAD_WIDTH, 1),
                "layers": _depth(tensors, "transformer."),
            },
        },
        where=where,
    )


def is_openai_archive(tensors: "Mapping[str, Tensor]") -> bool:
    """Whether a state dict is from one of OpenAI's archives: only those carry these numbers."""
    return {"input_resolution", "context_length", "vocab_size"} <= tensors.keys()


def _depth(tensors: "Mapping[str, Tensor]", prefix: str) -> int:
    return len(
        {
            name.split(".resblocks.")[1].split(".")[0]
            for name in tensors
            if name.startswith(f"{prefix}resblocks.")
        }
    )
