"""Batches of drawn pictures and the ids of their texts."""

import json
import os
from pathlib import Path

import numpy as np
import torch
from model import CONTEXT
from torch import Tensor
from transformers import CLIPTokenizer

# of pixel values in [0, 255]; the preprocessing config holds the same, divided by 255
MEAN, STD = 127.5, 64.0
# share of crowded scenes in a batch: first, last, rise
CROWDED_START, CROWDED_END, CROWDED_STEPS = 0.2, 0.7, 4000


class Batches:
    """Random batches of easy and crowded scenes; the share of crowded ones rises over the run."""

    def __init__(self, folder: Path, crowd: str, tokenizer: CLIPTokenizer) -> None:
        kinds = ("easy", crowd)
        self.images = [np.load(folder / f"{kind}.npy", mmap_mode="r") for kind in kinds]
        self.ids = [self._encode(folder / f"{kind}.json", tokenizer) for kind in kinds]

    def _encode(self, path: Path, tokenizer: CLIPTokenizer) -> Tensor:
        cache = path.with_suffix(".ids.npy")
        if not cache.exists():
            rows = tokenizer(json.loads(path.read_text()), truncation=True, max_length=CONTEXT)["input_ids"]
            ids = np.full((len(rows), CONTEXT), tokenizer.eos_token_id, np.int64)
            for index, row in enumerate(rows):
                ids[index, : len(row)] = row
            part = cache.with_suffix(f".{os.getpid()}.npy")  # the other process may be writing the same file
            np.save(part, ids)
            part.replace(cache)
        return torch.from_numpy(np.load(cache))

    def draw(self, size: int, seed: int, number: int, step: int) -> tuple[Tensor, Tensor]:
        """Pictures and the ids of their texts, padded with the end mark."""
        # A batch depends on its number alone: a resumed run is the same run.
        rng = np.random.default_rng((seed, number))
        rise = min(step / CROWDED_STEPS, 1.0)
        crowded = round(size * (CROWDED_START + (CROWDED_END - CROWDED_START) * rise))
        images, ids = [], []
        for kind, count in enumerate((size - crowded, crowded)):
            rows = np.sort(rng.integers(0, len(self.images[kind]), count))
            images.append(self.images[kind][rows])
            ids.append(self.ids[kind][rows])
        return to_pixels(np.concatenate(images)), torch.cat(ids)


def to_pixels(images: np.ndarray) -> Tensor:
    return (torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2).float() - MEAN) / STD


def trim(ids: Tensor) -> Tensor:
    """Drop the columns behind the longest text of a batch."""
    return ids[:, : int((ids != ids[0, -1]).sum(1).max()) + 1]
