"""Model folders of the other encoder families with random weights: real file layout and tokenizer rules, no download."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import log
from pathlib import Path
from typing import Any

import torch

from tagalign.testing.clip_folder import CLIP_PIXELS
from tagalign.testing.letter_tokenizers import letter_tokenizer

SMALL_VISION = {
    "hidden_size": 32,
    "num_hidden_layers": 8,
    "num_attention_heads": 2,
    "image_size": 32,
    "patch_size": 8,
}
SMALL_TEXT = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}


@dataclass(frozen=True, kw_only=True)
class Kind:
    """How a family's folder looks.

    Attributes:
        model: name of transformers' model class; its config is named alike.
        specials: marks of the tokenizer, from id 0 on.
        frame: marks that the file's own post-processor sets; None for none.
        tokenizer_class: as ``tokenizer_config.json`` says.
        context: most tokens.
        processor: image processor values, flat.
        text: further values of ``text_config``.
        vision: further values of ``vision_config``.
        top: further values of the config.
    """

    model: str
    specials: tuple[str, ...]
    tokenizer_class: str
    context: int
    processor: Mapping[str, Any]
    frame: tuple[str, str] | None = None
    text: Mapping[str, Any] = field(default_factory=dict)
    vision: Mapping[str, Any] = field(default_factory=dict)
    top: Mapping[str, Any] = field(default_factory=dict)


SCORES = {"logit_scale": log(100.0), "logit_bias": -10.0}
"""Of trained models: cosines times 100, and SigLIP's bias."""

HALF = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3, "do_normalize": True}

KINDS: dict[str, Kind] = {
    "metaclip_2": Kind(
        model="MetaClip2Model",
        specials=("<s>", "<pad>", "</s>", "<unk>"),
        frame=("<s>", "</s>"),
        tokenizer_class="XLMRobertaTokenizer",
        context=77,
        processor=CLIP_PIXELS | {"size": {"shortest_edge": 32}},
        text={"eos_token_id": 2, "bos_token_id": 0, "pad_token_id": 1, "projection_dim": 16},
        vision={"intermediate_size": 64, "projection_dim": 16},
        top={"projection_dim": 16},
    ),
    "siglip": Kind(
        model="SiglipModel",
        specials=("<unk>", "</s>"),
        tokenizer_class="SiglipTokenizer",
        context=64,
        processor=HALF | {"size": {"height": 32, "width": 32}},
        vision={"intermediate_size": 64},
    ),
    "siglip2": Kind(
        model="SiglipModel",
        specials=("<pad>", "<eos>", "<bos>", "<unk>"),
        tokenizer_class="GemmaTokenizer",
        context=64,
        processor=HALF | {"size": {"height": 32, "width": 32}},
        vision={"intermediate_size": 64},
    ),
    "tipsv2": Kind(
        model="Tipsv2Model",
        specials=("<pad>", "<unk>"),
        tokenizer_class="Tipsv2Tokenizer",
        context=64,
        processor={"do_normalize": False, "size": {"height": 32, "width": 32}},
        vision={"mlp_ratio": 2},
    ),
}
"""By family; ``siglip2`` is the fixed-size one, whose ``model_type`` is ``siglip``."""


def make_encoder_folder(
    folder: Path,
    kind: str,
    *,
    vision: Mapping[str, Any] | None = None,
    text: Mapping[str, Any] | None = None,
    seed: int = 0,
    deviation: float = 0.2,
) -> Path:
    """Write a small random encoder of a family with tokenizer and ``processor_config.json``; returns the folder.

    Args:
        folder: made if missing.
        kind: one of ``KINDS``.
        vision: replaces values of the vision config.
        text: replaces values of the text config; a larger ``vocab_size`` leaves rows that no token uses.
        seed: of the weights.
        deviation: added noise, so that fresh models tell prompts and patches apart; 0 keeps transformers' own.
    """
    import transformers

    chosen = KINDS[kind]
    tokenizer = letter_tokenizer(chosen.specials, frame=chosen.frame)
    text_values = {
        **SMALL_TEXT,
        "vocab_size": tokenizer.get_vocab_size(),
        "max_position_embeddings": chosen.context,
        **chosen.text,
        **(text or {}),
    }
    vision_values = {**SMALL_VISION, **chosen.vision, **(vision or {})}
    model_class: Any = getattr(transformers, chosen.model)
    config = model_class.config_class(text_config=text_values, vision_config=vision_values, **chosen.top)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        model = model_class(config)
        for parameter in model.parameters() if deviation else ():
            if parameter.dim() > 1:
                parameter += deviation * parameter.shape[-1] ** -0.5 * torch.randn_like(parameter)
        for name, parameter in model.named_parameters():
            if name in SCORES:  # as trained models have them; fresh ones start elsewhere
                parameter.fill_(SCORES[name])
    model.save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    _write(folder / "tokenizer_config.json", {"tokenizer_class": chosen.tokenizer_class})
    _write(folder / "processor_config.json", {"image_processor": dict(chosen.processor)})
    return folder


def _write(path: Path, values: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(values, indent=2), encoding="utf-8")
