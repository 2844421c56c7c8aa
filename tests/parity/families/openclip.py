"""open_clip's golden numbers: its files in a folder as they lie on the hub, opened by name."""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from torch import Tensor

from tagalign.backbones.load import load_backbone
from tagalign.backbones.protocols import BlockBackbone

TOLERANCE = 1e-4  # of the largest value: the golden README
Tensors = dict[str, Tensor]


def compute(folder: Path) -> Tensors:
    """Every tensor of the case, from its inputs, config and weights."""
    config = json.loads((folder / "open_clip_config.json").read_text(encoding="utf-8"))
    weights, inputs = load_file(folder / "weights.safetensors"), load_file(folder / "inputs.safetensors")
    with tempfile.TemporaryDirectory() as home, torch.inference_mode():
        backbone = open_case(Path(home) / "native", config, weights)
        made = answers(backbone, inputs)
        large = inputs["image_large"]
        enlarged = open_case(Path(home) / "large", *at_size(config, weights, large.shape[-1]))
        made["image_large_embeds"] = enlarged.embed_images(large)
        return {name: tensor.clone() for name, tensor in made.items()}


def answers(backbone: BlockBackbone, inputs: Tensors) -> Tensors:
    """What the encoder makes of images and ids."""
    image = backbone.embed_images(inputs["image"])
    text = backbone.encode_ids(inputs["input_ids"])
    plain = backbone.encode_dense(inputs["image"], mode="clip")
    wide = backbone.encode_dense(inputs["image_wide"], mode="clip")
    assert plain.cls is not None
    return {
        "image_embeds": image,
        "text_embeds": text,
        "logits": backbone.logit_scale * F.normalize(image, dim=-1) @ F.normalize(text, dim=-1).T,
        "tokens": torch.cat([plain.cls[:, None], plain.patches], dim=1),
        "image_wide_plain": backbone.project(wide.patches),
    }


def open_case(folder: Path, config: Mapping[str, Any], weights: Tensors) -> BlockBackbone:
    """The files under their hub names, with a tokenizer of nothing but marks: the case holds ids."""
    folder.mkdir()
    (folder / "open_clip_config.json").write_text(json.dumps(config), encoding="utf-8")
    save_file(weights, folder / "open_clip_model.safetensors")
    words = int(config["model_cfg"]["text_cfg"]["vocab_size"])
    vocabulary = {f"w{i}": i for i in range(words - 2)}
    vocabulary |= {"<|startoftext|>": words - 2, "<|endoftext|>": words - 1}
    Tokenizer(WordLevel(vocabulary, unk_token="w0")).save(str(folder / "tokenizer.json"))
    return load_backbone(str(folder))


def at_size(config: dict[str, Any], weights: Tensors, size: int) -> tuple[dict[str, Any], Tensors]:
    """Config and weights for another native size, positions resized as open_clip does on loading: with antialias."""
    vision = config["model_cfg"]["vision_cfg"]
    table, grid = weights["visual.positional_embedding"], size // vision["patch_size"]
    side = vision["image_size"] // vision["patch_size"]
    square = table[1:].T.reshape(1, -1, side, side)
    resized = F.interpolate(square, size=(grid, grid), mode="bicubic", antialias=True, align_corners=False)
    positions = torch.cat([table[:1], resized.flatten(2)[0].T]).contiguous()
    model = config["model_cfg"] | {"vision_cfg": vision | {"image_size": size}}
    return config | {"model_cfg": model}, weights | {"visual.positional_embedding": positions}


def compare(name: str, mine: Tensor, reference: Tensor, folder: Path) -> tuple[float, float]:
    """Largest difference and what the golden README allows."""
    return float((mine - reference).abs().max()), TOLERANCE * float(reference.abs().max())
