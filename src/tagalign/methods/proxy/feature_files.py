"""Features of a companion on disk: they depend on the pixels and its weights alone, so other labels find them again.

Three megabytes a window in float32, so that nothing is kept unless a folder is named.
"""

import hashlib
from pathlib import Path

import torch
from jaxtyping import Float
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from tagalign.atomic import atomic_write
from tagalign.backbones.companion import Companion

FORMAT = 1
"""Counted up when the meaning of the stored numbers changes; older files are then ignored."""


def kept_features(
    companion: Companion, pixels: Float[Tensor, "batch 3 height pixel_width"], folder: Path | None
) -> Float[Tensor, "batch width rows cols"]:
    """``companion.features``, of each view from its file where there is one, else computed and stored.

    Args:
        companion: its weight hash is part of the name of a file; one without a hash is never stored.
        pixels: its input.
        folder: made if missing; None stores nothing. A damaged file is replaced.
    """
    weights = str(companion.facts()["weight_hash"])
    if folder is None or not weights:
        return companion.features(pixels)
    paths = [folder / "companion" / f"{_key(one, weights)}.safetensors" for one in pixels]
    found = [_read(path) for path in paths]
    missing = [place for place, features in enumerate(found) if features is None]
    if missing:
        for place, features in zip(missing, companion.features(pixels[missing]).cpu(), strict=True):
            found[place] = features
            with atomic_write(paths[place]) as temp:
                save_file({"features": features.contiguous()}, temp)
    return torch.stack([features for features in found if features is not None])


def _key(pixels: Tensor, weights: str) -> str:
    raw = pixels.detach().float().cpu().contiguous().numpy().tobytes()
    head = f"{FORMAT} {weights} {tuple(pixels.shape)}"
    return hashlib.sha256(head.encode() + raw).hexdigest()[:32]


def _read(path: Path) -> Tensor | None:
    try:
        with safe_open(path, framework="pt") as file:
            features: Tensor = file.get_tensor("features")
            return features
    except (OSError, SafetensorError):
        return None
