"""Training scenes of TrustyCLIP's tables: drawn once, and seen once by the frozen encoder."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tagalign.backbones.protocols import BlockBackbone
from tagalign.data.benchmarks.tiny import TinySegmentation
from tagalign.data.trusty.sources import BenchmarkSource
from tagalign.methods.trusty.network import TrustyNetwork

Blocks = Callable[[BlockBackbone, Tensor, int], tuple[Tensor, tuple[int, int]]]
BATCH = 50


class Drawn:
    """Scenes that are drawn once and kept: drawing costs more than half of a training step."""

    def __init__(self, data: TinySegmentation) -> None:
        self.source = BenchmarkSource(data)
        self.kept: dict[int, tuple[np.ndarray, np.ndarray]] = {}

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        if index not in self.kept:
            pixels, labels = self.source[index]
            self.kept[index] = pixels, labels.astype(np.int16)
        pixels, labels = self.kept[index]
        return pixels, labels.astype(np.int64)


_DRAWN: dict[tuple[Any, ...], Drawn] = {}


def drawn(*key: Any) -> Drawn:
    """Scenes of a part, kept for the next row; the last of ``key`` is the data."""
    data: TinySegmentation = key[-1]
    return _DRAWN.setdefault((*key[:-1], data.scenes), Drawn(data))


class KeptBlocks:
    """The frozen blocks of ``DeepPrompts`` without prompts, looked up by the pixels of a whole scene or its mirror image.

    All scenes go through in one order and in batches of one size before the first step, so that the last bit of a value
    does not depend on which row was trained first.
    """

    def __init__(self, clip: BlockBackbone, blocks: Blocks, source: Drawn, *, mirrored: bool) -> None:
        self.kept: dict[bytes, Tensor] = {}
        self.grid = (0, 0)
        mean, std = (torch.tensor(v).view(3, 1, 1) for v in (clip.preprocessing.mean, clip.preprocessing.std))
        for start in range(0, len(source), BATCH):
            scenes = np.stack([source[i][0] for i in range(start, min(start + BATCH, len(source)))])
            for view in (scenes, scenes[:, :, ::-1].copy())[: 1 + mirrored]:
                pixels = (torch.from_numpy(view).permute(0, 3, 1, 2).float() / 255 - mean) / std
                with torch.no_grad():
                    tokens, self.grid = blocks(clip, pixels, 1)
                self.kept |= zip(map(_key, pixels), tokens.clone(), strict=True)

    def __call__(self, clip: BlockBackbone, pixels: Tensor, times: int) -> tuple[Tensor, tuple[int, int]]:
        """What ``DeepPrompts.blocks`` returns."""
        return torch.stack([self.kept[_key(p)] for p in pixels]), self.grid


def _key(pixels: Tensor) -> bytes:
    return pixels[:, ::3, ::3].half().numpy().tobytes()


_KEPT: dict[tuple[str, int, int], KeptBlocks] = {}


def keep_blocks(
    clip: BlockBackbone, network: TrustyNetwork, source: Drawn, seed: int, *, mirrored: bool = True
) -> None:
    """Let a network without prompts read what the frozen blocks say of the training scenes instead of computing it anew."""
    blocks = network.prompt.blocks
    key = (clip.name, seed, len(source))
    kept = _KEPT.get(key)
    if kept is None:
        _KEPT.clear()  # one seed at a time: a few hundred megabytes
        kept = _KEPT[key] = KeptBlocks(clip, blocks, source, mirrored=mirrored)

    def looked_up(clip: BlockBackbone, pixels: Tensor, times: int) -> tuple[Tensor, tuple[int, int]]:
        return kept(clip, pixels, times) if network.training else blocks(clip, pixels, times)

    network.prompt.blocks = looked_up  # type: ignore[method-assign]
