"""Folders of the true shapes of published encoders, random weights, through ``tag`` and ``segment`` on real photos.

The file is in float32 and as large as a download would be. Each verb runs in a process of its own, whose peak memory is
read.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from tagalign.testing.clip_folder import byte_vocabulary
from tagalign.testing.encoder_folders import KINDS
from tagalign.testing.letter_tokenizers import letter_tokenizer

pytestmark = [pytest.mark.slow, pytest.mark.real]

# OpenAI's configs are of this old form: null dicts, an end id that is none, numbers as sizes
OLD = {"text_config_dict": None, "vision_config_dict": None, "model_type": "clip", "torch_dtype": "float32"}
OPENAI_TEXT = {"vocab_size": 49408, "eos_token_id": 2, "bos_token_id": 0, "pad_token_id": 1}
OPENAI_PIXELS = {
    "crop_size": 224,
    "do_normalize": True,
    "image_mean": [0.48145466, 0.4578275, 0.40821073],
    "image_std": [0.26862954, 0.26130258, 0.27577711],
    "size": 224,
}
SHAPES = {
    "openai/clip-vit-base-patch16": (
        "clip",
        {
            **OLD,
            "projection_dim": 512,
            "text_config": {**OPENAI_TEXT, "hidden_size": 512},
            "vision_config": {"patch_size": 16, "image_size": 224},
        },
    ),
    "openai/clip-vit-large-patch14-336": (
        "clip",
        {
            **OLD,
            "projection_dim": 768,
            "text_config": {
                **OPENAI_TEXT,
                "hidden_size": 768,
                "intermediate_size": 3072,
                "num_attention_heads": 12,
            },
            "vision_config": {
                "hidden_size": 1024,
                "intermediate_size": 4096,
                "num_attention_heads": 16,
                "num_hidden_layers": 24,
                "patch_size": 14,
                "image_size": 336,
            },
        },
    ),
    "google/siglip2-base-patch16-224": (
        "siglip2",
        {
            "model_type": "siglip",
            "text_config": {"model_type": "siglip_text_model", "vocab_size": 256000},
            "vision_config": {"model_type": "siglip_vision_model", "image_size": 224},
        },
    ),
    "google/tipsv2-b14": ("tipsv2", {"model_type": "tipsv2", "text_config": {}, "vision_config": {}}),
}
LESS = ["--templates", "1", "--short-side", "224"]
"""The default's eighty prompts a label and photos of their own size are asked of one shape: most of a larger tower's time.
Prompts take no more memory, for they go through in batches."""

BATCH = 450 * 2**20
"""Beside 1.3 x the weights: the libraries and one batch; the largest peak seen lay 321 MiB above them."""


DRAWN = 1_000_003
"""A prime, so that no two rows of a matrix are the same."""


def write_weights(folder: Path, config: dict) -> int:
    """Small random values in every tensor that the family's towers have, under transformers' names; returns the bytes."""
    import transformers

    name = {"clip": "CLIPModel", "siglip": "SiglipModel", "tipsv2": "Tipsv2Model"}[config["model_type"]]
    model_class = getattr(transformers, name)
    with torch.device("meta"):
        model = model_class(model_class.config_class.from_dict(config))
    # drawn once and laid end to end: hundreds of millions of draws take longer than reading the model
    drawn = torch.randn(DRAWN, generator=torch.Generator().manual_seed(0))
    tensors = {}
    for key, tensor in model.state_dict().items():
        if key in ("logit_scale", "logit_bias"):
            tensors[key] = torch.full(tensor.shape, 4.6 if key == "logit_scale" else -10.0)
        elif tensor.dim() < 2:
            tensors[key] = torch.full(
                tensor.shape, float("norm" in key or "lambda" in key or key == "temperature")
            )
        else:
            laid = drawn.repeat(-(-tensor.numel() // DRAWN))[: tensor.numel()]
            tensors[key] = laid.view(tensor.shape) * tensor.shape[-1] ** -0.5
    tensors.pop("temperature", None)  # no published file has it
    save_file(tensors, folder / "model.safetensors")
    return (folder / "model.safetensors").stat().st_size


def write_tokenizer(folder: Path, kind: str) -> None:
    if kind == "clip":
        vocabulary = byte_vocabulary()
        vocabulary |= {f"token{i}</w>": i for i in range(len(vocabulary) - 2, 49406)}
        vocabulary |= {"<|startoftext|>": 49406, "<|endoftext|>": 49407}
        (folder / "vocab.json").write_text(json.dumps(vocabulary))
        (folder / "merges.txt").write_text("#version: 0.2\n")
        (folder / "preprocessor_config.json").write_text(json.dumps(OPENAI_PIXELS))
        return
    chosen = KINDS[kind]
    letter_tokenizer(chosen.specials, frame=chosen.frame).save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": chosen.tokenizer_class}))
    (folder / "processor_config.json").write_text(json.dumps({"image_processor": dict(chosen.processor)}))


# VmHWM belongs to the address space, which begins anew with the program; ru_maxrss would count the test process that forked
RUN = """
import re, sys
from pathlib import Path
from tagalign.cli.main import main
code = main(sys.argv[1:])
print("PEAK", 1024 * int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]))
sys.exit(code)
"""


def peak_of(arguments: list[str]) -> int:
    done = subprocess.run(
        [sys.executable, "-c", RUN, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "transformers" not in done.stderr
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("PEAK")]
    return int(line.split()[1])


@pytest.mark.parametrize("name", SHAPES)
def test_a_published_shape_tags_and_segments_photos(name, real_data, tmp_path):
    kind, config = SHAPES[name]
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    size = write_weights(folder, config)
    write_tokenizer(folder, kind)
    is_default = name == "openai/clip-vit-base-patch16"
    # a second photo could hold on to memory of the first: seen with the smallest, in the same code
    photos = [str(path) for path in sorted((real_data / "coco_mini" / "train2017").glob("*.jpg"))]
    photos = photos[: 2 if is_default else 1]
    common = ["--labels", "dog,grass,sky", "--model", str(folder), "--batch-size", "1"]
    common += [] if is_default else LESS
    for verb, more in (("tag", []), ("segment", ["--method", "maskclip"])):
        out = tmp_path / verb
        peak = peak_of([verb, *photos, *common, *more, "--out", str(out)])
        print(f"{name} {verb}: weights {size / 2**20:.0f} MiB, peak {peak / 2**20:.0f} MiB")
        assert peak <= 1.3 * size + BATCH
    for photo in photos:
        with Image.open(photo) as image, Image.open(tmp_path / "segment" / f"{Path(photo).stem}.png") as mask:
            assert mask.size == image.size
