"""What a training leaves: its own state, to go on from, and the model as a Hugging Face folder."""

import json
from pathlib import Path

import torch
from batches import MEAN, STD
from model import Trainee
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from transformers import CLIPTokenizer

from tagalign.data.tiny_world import SIZE


def save_state(path: Path, trainee: Trainee, optimizer: torch.optim.Optimizer, step: int) -> None:
    tensors = {f"model.{name}": value for name, value in trainee.state_dict().items()}
    for name, weight in trainee.named_parameters():
        state = optimizer.state[weight]
        tensors |= {f"first.{name}": state["exp_avg"], f"second.{name}": state["exp_avg_sq"]}
    save_file(tensors, path.with_suffix(".part"), metadata={"step": str(step)})
    path.with_suffix(".part").replace(path)


def state_step(path: Path) -> int:
    """How many steps a state has behind it; -1 without one."""
    if not path.exists():
        return -1
    with safe_open(path, "pt") as file:
        return int(file.metadata()["step"])


def load_state(path: Path, trainee: Trainee, optimizer: torch.optim.Optimizer) -> int:
    tensors = load_file(path)
    step = state_step(path)
    trainee.load_state_dict(
        {k.removeprefix("model."): v for k, v in tensors.items() if k.startswith("model.")}
    )
    for name, weight in trainee.named_parameters():
        moments = {"exp_avg": tensors[f"first.{name}"], "exp_avg_sq": tensors[f"second.{name}"]}
        optimizer.state[weight] = {"step": torch.tensor(float(step)), **moments}
    return step


def export(trainee: Trainee, tokenizer: CLIPTokenizer, out: Path) -> None:
    """Write a Hugging Face folder with float16 weights."""
    out.mkdir(parents=True, exist_ok=True)
    tokenizer.save_pretrained(out)
    weights = {name: value.half().contiguous() for name, value in trainee.clip.state_dict().items()}
    save_file(weights, out / "model.safetensors", metadata={"format": "pt"})
    config = trainee.clip.config.to_dict() | {"architectures": ["CLIPModel"], "torch_dtype": "float16"}
    (out / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    processor = {
        "image_processor_type": "CLIPImageProcessor", "do_convert_rgb": True, "do_resize": True,
        "size": {"shortest_edge": SIZE}, "resample": 3, "do_center_crop": True, "crop_size": {"height": SIZE, "width": SIZE},
        "do_rescale": True, "rescale_factor": 1 / 255, "do_normalize": True,
        "image_mean": [MEAN / 255] * 3, "image_std": [STD / 255] * 3,
    }  # fmt: skip
    (out / "preprocessor_config.json").write_text(json.dumps(processor, indent=2) + "\n")
