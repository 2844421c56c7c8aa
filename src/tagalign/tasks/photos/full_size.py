"""Answers about a photo that was decoded smaller than it is, laid on the photo as it is."""

from dataclasses import fields, replace
from typing import Any

import torch
from jaxtyping import Shaped
from torch import Tensor

from tagalign.labels import Size
from tagalign.types import Segmentation


def at_full_size(answer: Any, size: Size) -> Any:
    """Every map of a segmentation at the size of the photo, each pixel that of the nearest decoded one; others as they are.

    Nearest, because ids have no middle; no pixel has a label that the smaller map does not have there.

    Args:
        answer: from the smaller picture, before anything counted its pixels.
        size: ``(height, width)`` of the photo.
    """
    if not isinstance(answer, Segmentation):
        return answer
    before = answer.labels.shape
    values = {one.name: getattr(answer, one.name) for one in fields(answer)}
    maps = {name: value for name, value in values.items() if isinstance(value, Tensor)}
    large: dict[str, Any] = {
        name: enlarge(value, size) for name, value in maps.items() if value.shape == before
    }
    return replace(answer, **large)


def enlarge(values: Shaped[Tensor, "rows cols"], size: Size) -> Shaped[Tensor, "height width"]:
    """``values[floor((y + 1/2) rows / height), floor((x + 1/2) cols / width)]``."""
    rows, cols = (
        ((torch.arange(new, device=values.device) * 2 + 1) * old) // (2 * new)
        for new, old in zip(size, values.shape, strict=True)
    )
    return values[rows[:, None], cols]
