"""From sizes to a network: the parts of a config (plain JSON values) become modules with seeded random weights."""

from collections.abc import Mapping
from typing import Any

import torch
from transformers import (
    BlipTextConfig,
    BlipTextLMHeadModel,
    BlipTextModel,
    SwinConfig,
    SwinModel,
    ViTConfig,
    ViTModel,
)

from tagalign.backbones.load import load_backbone
from tagalign.errors import ModelError, UnknownNameError
from tagalign.methods.tag2text.alignment import EMBED_DIM, AlignmentEncoder
from tagalign.methods.tag2text.image_encoders import ClipTokens, SwinTokens, ViTTokens
from tagalign.methods.tag2text.model import Tag2Text
from tagalign.methods.tag2text.tag_heads import (
    RECOGNITION_HEADS,
    RECOGNITION_LAYERS,
    LinearTagHead,
    RecognitionHead,
)

BuildSizes = Mapping[str, Any]
ImageEncoder = SwinTokens | ViTTokens | ClipTokens


def build_tag2text(
    *,
    num_tags: int,
    image_encoder: BuildSizes,
    tag_encoder: BuildSizes,
    text_decoder: BuildSizes,
    tag_head: BuildSizes | None = None,
    alignment: BuildSizes | None = None,
    seed: int = 0,
) -> Tag2Text:
    """A network with random weights (an external CLIP tower keeps its own).

    Args:
        num_tags: length of the tag list.
        image_encoder: ``{"kind": "swin" | "vit", "config": {...}}`` with the arguments of ``SwinConfig`` or
            ``ViTConfig``, or ``{"kind": "clip", "backbone": name}``.
        tag_encoder: arguments of ``BlipTextConfig``; ``encoder_hidden_size`` is the width of the image tokens.
        text_decoder: arguments of ``BlipTextConfig``; ``encoder_hidden_size`` is the width of the tag encoder.
        tag_head: ``{"kind": "shared" | "own" | "linear", "num_heads": 4, "num_layers": 2}``; shared when None.
        alignment: ``{"embed_dim": 256}``; no alignment encoder when None.
        seed: of the random weights.

    Raises:
        ModelError: if a value is unknown or sizes do not fit together.
    """
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return _build(num_tags, image_encoder, tag_encoder, text_decoder, tag_head or {}, alignment)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise ModelError(f"these sizes make no Tag2Text model: {error}") from error


def _build(
    num_tags: int,
    image_encoder: BuildSizes,
    tag_encoder: BuildSizes,
    text_decoder: BuildSizes,
    tag_head: BuildSizes,
    alignment: BuildSizes | None,
) -> Tag2Text:
    image = _image_encoder(image_encoder)
    encoder_config, decoder_config = text_config(tag_encoder), text_config(text_decoder)
    _check_width("tag_encoder", encoder_config, "image token", image.width)
    _check_width("text_decoder", decoder_config, "tag state", encoder_config.hidden_size)
    encoder = BlipTextModel(encoder_config, add_pooling_layer=False)
    decoder = BlipTextLMHeadModel(decoder_config)
    aligned = None
    if alignment is not None:
        # same sizes as the decoder: its cross-attention is shared
        aligned = AlignmentEncoder(
            BlipTextModel(decoder_config, add_pooling_layer=False),
            decoder,
            image_width=image.width,
            embed_dim=int(alignment.get("embed_dim", EMBED_DIM)),
        )
    return Tag2Text(
        image_encoder=image,
        tag_head=_tag_head(tag_head, num_tags, encoder_config, image.width),
        tag_encoder=encoder,
        text_decoder=decoder,
        alignment=aligned,
    )


def text_config(values: BuildSizes) -> BlipTextConfig:
    """The config of a text part; every layer has cross-attention."""
    # the special ids are the tokenizer's business; BLIP's defaults lie outside of a small vocabulary and only warn
    return BlipTextConfig(**{**dict.fromkeys(_SPECIAL_IDS), **values, "is_decoder": True})


_SPECIAL_IDS = ("bos_token_id", "eos_token_id", "sep_token_id")


def _check_width(part: str, config: BlipTextConfig, what: str, width: int) -> None:
    if config.encoder_hidden_size != width:
        raise ModelError(
            f"{part} attends to vectors of width {config.encoder_hidden_size} (encoder_hidden_size), "
            f"the {what}s have {width}"
        )


def _image_encoder(values: BuildSizes) -> ImageEncoder:
    kind = values["kind"]
    if kind == "swin":
        return SwinTokens(SwinModel(SwinConfig(**values["config"])))
    if kind == "vit":
        return ViTTokens(ViTModel(ViTConfig(**values["config"]), add_pooling_layer=False))
    if kind == "clip":
        return ClipTokens(load_backbone(values["backbone"]))
    raise UnknownNameError("image encoder", kind, ("swin", "vit", "clip"))


def _tag_head(
    values: BuildSizes, num_tags: int, config: BlipTextConfig, image_width: int
) -> RecognitionHead | LinearTagHead:
    kind = values.get("kind", "shared")
    if kind == "linear":
        return LinearTagHead(num_tags=num_tags, image_width=image_width)
    if kind not in ("shared", "own"):
        raise UnknownNameError("tag head", kind, ("shared", "own", "linear"))
    return RecognitionHead(
        num_tags=num_tags,
        width=config.hidden_size,
        num_heads=int(values.get("num_heads", RECOGNITION_HEADS)),
        num_layers=int(values.get("num_layers", RECOGNITION_LAYERS)),
        own_layers=config if kind == "own" else None,
    )


def bert_base(*, encoder_hidden_size: int, vocab_size: int = 30524) -> dict[str, Any]:
    """Text sizes of the release: BERT base with cross-attention to vectors of ``encoder_hidden_size``."""
    return {
        "vocab_size": vocab_size,
        "hidden_size": 768,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
        "intermediate_size": 3072,
        "encoder_hidden_size": encoder_hidden_size,
        "hidden_dropout_prob": 0.1,
        "attention_probs_dropout_prob": 0.1,
    }


def initial_deviation(width: int) -> float:
    """Standard deviation of new weights of a text part: BERT's 0.02 at width 768, larger in narrower networks.

    With 0.02 at width 96 the attention of a new network adds next to nothing to its residuals, and captions take many times
    as many steps to follow their tags.
    """
    return 0.02 * (768 / width) ** 0.5


def swin_base(*, image_size: int = 384) -> dict[str, Any]:
    """Swin-B of the release: window 12 at 384 pixels, 7 at 224."""
    return {
        "kind": "swin",
        "config": {
            "image_size": image_size,
            "patch_size": 4,
            "embed_dim": 128,
            "depths": [2, 2, 18, 2],
            "num_heads": [4, 8, 16, 32],
            "window_size": image_size // 32,
            "drop_path_rate": 0.1,
        },
    }


def vit_base(*, image_size: int = 384) -> dict[str, Any]:
    """ViT-B/16."""
    return {"kind": "vit", "config": {"image_size": image_size, "patch_size": 16}}
