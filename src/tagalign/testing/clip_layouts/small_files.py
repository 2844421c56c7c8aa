"""The small files beside the weights, in the forms that occur: configs, tokenizers, preprocessing."""

import json
from pathlib import Path
from typing import Any

from tagalign.testing.clip_layouts.weights import Files

Json = dict[str, Any]
MARKS = ("<|startoftext|>", "<|endoftext|>")


def read(folder: Path, name: str) -> Json:
    """A JSON file of the source folder."""
    return json.loads((folder / name).read_text(encoding="utf-8"))


def write(value: Any) -> bytes:
    """As it lies in a repository."""
    return json.dumps(value, indent=2).encode()


def transformers_files(folder: Path) -> Files:
    """Config, preprocessing and tokenizer of the source folder as they are."""
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.json"))}


def old_config(folder: Path) -> bytes:
    """OpenAI's form: ends of text by OpenAI's ids, null in place of a second pair of dicts, keys of old releases."""
    config = read(folder, "config.json")
    config["text_config"] |= {"bos_token_id": 0, "eos_token_id": 2, "pad_token_id": 1, "dropout": 0.0}
    nulls = {"text_config_dict": None, "vision_config_dict": None}
    return write(config | nulls | {"torch_dtype": "float32", "initializer_factor": 1.0})


def filled_dicts_config(folder: Path) -> bytes:
    """Two pairs of dicts that differ: the one called ``..._config_dict`` holds."""
    config = read(folder, "config.json")
    config |= {f"{tower}_config_dict": dict(config[f"{tower}_config"]) for tower in ("text", "vision")}
    config["vision_config"] |= {"num_hidden_layers": 1}
    return write(config)


def only_dicts_config(folder: Path) -> bytes:
    """Only the pair called ``..._config_dict``."""
    config = read(folder, "config.json")
    for tower in ("text", "vision"):
        config[f"{tower}_config_dict"] = config.pop(f"{tower}_config")
    return write(config)


def metaclip_config(folder: Path) -> bytes:
    """With two keys that no release of transformers knows."""
    config = json.loads(old_config(folder))
    config["text_config"] |= {"heads": 8, "layers": 12}
    config["vision_config"] |= {"heads": 12, "layers": 12}
    return write(config)


def old_preprocessing(folder: Path) -> bytes:
    """Numbers in place of dicts, and the class that was renamed."""
    values = read(folder, "preprocessor_config.json")
    side = values["crop_size"]["height"]
    kept = {k: values[k] for k in ("image_mean", "image_std", "resample", "do_resize", "do_normalize")}
    kept |= {"crop_size": side, "size": side, "do_center_crop": True}
    return write(kept | {"feature_extractor_type": "CLIPFeatureExtractor"})


def nested_processor(folder: Path) -> bytes:
    """``processor_config.json`` as transformers 5 writes it, with the preprocessing inside."""
    return write(
        {"image_processor": read(folder, "preprocessor_config.json"), "processor_class": "CLIPProcessor"}
    )


def vocabulary_files(folder: Path, *, has_class: bool = True) -> Files:
    """``vocab.json`` and ``merges.txt`` in place of ``tokenizer.json``; the class is not always named."""
    model = read(folder, "tokenizer.json")["model"]
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in model["merges"]]
    files = {
        "vocab.json": write(model["vocab"]),
        "merges.txt": "\n".join(["#version: 0.2", *merges, ""]).encode(),
        "special_tokens_map.json": write({"bos_token": MARKS[0], "eos_token": MARKS[1]}),
    }
    if has_class:
        files["tokenizer_config.json"] = write({"tokenizer_class": "CLIPTokenizer", "model_max_length": 77})
    return files


def open_clip_config(folder: Path, *, has_level: bool = True) -> bytes:
    """``open_clip_config.json``; the level ``model_cfg`` is left out by some."""
    config = read(folder, "config.json")
    text, vision = config["text_config"], config["vision_config"]
    model = {
        "embed_dim": config["projection_dim"],
        "quick_gelu": vision.get("hidden_act", "quick_gelu") == "quick_gelu",
        "vision_cfg": {
            "image_size": vision["image_size"],
            "layers": vision["num_hidden_layers"],
            "width": vision["hidden_size"],
            "head_width": vision["hidden_size"] // vision["num_attention_heads"],
            "patch_size": vision["patch_size"],
        },
        "text_cfg": {
            "context_length": text["max_position_embeddings"],
            "vocab_size": text["vocab_size"],
            "width": text["hidden_size"],
            "heads": text["num_attention_heads"],
            "layers": text["num_hidden_layers"],
        },
    }
    pixels = read(folder, "preprocessor_config.json")
    preprocess = {"mean": pixels["image_mean"], "std": pixels["image_std"]}
    return write({"model_cfg": model, "preprocess_cfg": preprocess} if has_level else model)
