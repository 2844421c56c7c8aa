"""A CLIP folder with random weights: real file layout, tokenizer and preprocessing, no download."""

import json
from pathlib import Path

import torch
from transformers import CLIPConfig, CLIPModel, CLIPTokenizer

from tagalign.backbones.preprocess import CLIP_MEAN, CLIP_STD

START, END = "<|startoftext|>", "<|endoftext|>"

CLIP_PIXELS = {"do_normalize": True, "image_mean": list(CLIP_MEAN), "image_std": list(CLIP_STD)}
"""OpenAI's pixel statistics, as an image processor's file names them."""

VIT_B16 = {
    "width": 768,
    "layers": 12,
    "heads": 12,
    "patch_size": 16,
    "image_size": 224,
    "dim": 512,
    "text_width": 512,
    "text_layers": 12,
}
"""Sizes of openai/clip-vit-base-patch16."""


def byte_vocabulary() -> dict[str, int]:
    """CLIP's 512 byte tokens (inside and at the end of a word) and the two marks; no merges."""
    printable = [
        *range(ord("!"), ord("~") + 1),
        *range(ord("¡"), ord("¬") + 1),
        *range(ord("®"), ord("ÿ") + 1),
    ]
    rest = [b for b in range(256) if b not in printable]
    symbols = [chr(b) for b in printable] + [chr(256 + i) for i in range(len(rest))]
    names = [*symbols, *(symbol + "</w>" for symbol in symbols), START, END]
    return {name: i for i, name in enumerate(names)}


def make_clip_folder(
    folder: Path,
    *,
    width: int = 32,
    layers: int = 8,
    heads: int = 2,
    patch_size: int = 8,
    image_size: int = 32,
    dim: int = 16,
    text_width: int = 16,
    text_layers: int = 2,
    context: int = 77,
    seed: int = 0,
) -> Path:
    """Write a small random ``CLIPModel`` with tokenizer and preprocessing files; returns the folder.

    ``**VIT_B16`` gives the shape of openai/clip-vit-base-patch16, with a vocabulary of bytes alone.
    """
    vocabulary = byte_vocabulary()
    marks = {
        "bos_token_id": vocabulary[START],
        "eos_token_id": vocabulary[END],
        "pad_token_id": vocabulary[END],
    }
    text = {
        "vocab_size": len(vocabulary),
        "hidden_size": text_width,
        "intermediate_size": 4 * text_width,
        "num_hidden_layers": text_layers,
        "num_attention_heads": max(1, text_width // 64) if text_width >= 64 else 2,
        "max_position_embeddings": context,
        "projection_dim": dim,
        **marks,
    }
    vision = {
        "hidden_size": width,
        "intermediate_size": 4 * width,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "image_size": image_size,
        "patch_size": patch_size,
        "projection_dim": dim,
    }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        clip = CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=dim))
    clip.save_pretrained(folder)
    CLIPTokenizer(vocab=vocabulary, merges=[], model_max_length=context).save_pretrained(folder)
    values = {
        "crop_size": {"height": image_size, "width": image_size},
        "do_center_crop": True,
        "do_convert_rgb": True,
        "do_normalize": True,
        "do_rescale": True,
        "do_resize": True,
        "image_mean": list(CLIP_MEAN),
        "image_std": list(CLIP_STD),
        "image_processor_type": "CLIPImageProcessor",
        "processor_class": "CLIPProcessor",
        "resample": 3,
        "rescale_factor": 1 / 255,
        "size": {"shortest_edge": image_size},
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(values, indent=2), encoding="utf-8")
    return folder
