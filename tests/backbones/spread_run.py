"""What each of two processes finds of encoders that it helps to hold: spread_run.py OUT FOLDER ..., for test_spread.py."""

import json
import sys
from pathlib import Path

import torch

from tagalign.backbones.load import load_backbone
from tagalign.backbones.modes import DENSE_MODES
from tagalign.backbones.spread import spread_encoder
from tagalign.backbones.towers.block import TransformerBlock
from tagalign.errors import NotFiniteError
from tagalign.train.loop.distributed import join_world

PROMPTS = ["a dog", "grass"]


def answers(encoder, pixels):
    """Everything that a training asks of an encoder, the gradient through its blocks included."""
    found = {mode: encoder.encode_dense(pixels, mode=mode).patches for mode in DENSE_MODES}
    found |= {"image": encoder.embed_images(pixels), "text": encoder.encode_text(PROMPTS)}
    wanted = pixels.clone().requires_grad_(True)
    x, _ = encoder.embed_patches(wanted)
    for block in encoder.blocks:
        x = block(x)
    encoder.pool(x).square().sum().backward()
    return {**found, "gradient": wanted.grad, "head": encoder.linear_head().projection}


def size(module):
    """Numbers that this process holds."""
    return sum(getattr(p, "to_local", lambda p=p: p)().numel() for p in module.parameters())


def main(out, *folders):
    torch.set_num_threads(1)
    rows = []
    with join_world("cpu", is_spread=True) as processes:
        for folder in folders:
            encoder = load_backbone(folder)
            own = torch.Generator().manual_seed(processes.rank)  # each process has photos of its own
            pixels = torch.randn(2, 3, 32, 32, generator=own)
            whole, all_numbers = answers(encoder, pixels), size(encoder)
            largest = max(size(m) for m in encoder.modules() if isinstance(m, TransformerBlock))
            spread_encoder(encoder, processes.device)
            spread = answers(encoder, pixels)
            apart = {name: float((spread[name] - value).abs().max()) for name, value in whole.items()}
            rows.append({"apart": apart, "whole": all_numbers, "block": largest, "own": size(encoder)})
            with torch.no_grad():
                encoder.vision.blocks[0].q.weight.to_local()[0, 0] = torch.nan
            try:
                encoder.embed_images(pixels)
            except NotFiniteError as error:
                rows[-1]["broken"] = str(error)
    Path(out, f"{processes.rank}.json").write_text(json.dumps(rows))


if __name__ == "__main__":
    main(*sys.argv[1:])
