"""One vector per photo beside the rows of a run, which the encoder made anyway; by it near duplicates are found."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from tagalign.atomic import atomic_write

KINDS = frozenset({"tag", "look", "segment"})
"""Of questions whose photos a person will look through."""


@runtime_checkable
class WholePhoto(Protocol):
    """An encoded photo that has a vector for the whole of it."""

    @property
    def embed(self) -> Tensor:
        """Of the whole photo; any norm."""
        ...


def photo_embed(encoded: Any) -> Float[Tensor, " dim"] | None:
    """The vector of an encoded photo; None where its method keeps none."""
    if not isinstance(encoded, WholePhoto) or encoded.embed is None:
        return None
    return encoded.embed.detach().float().cpu()


def write_embeds(path: Path, embeds: Sequence[Tensor | None]) -> None:
    """Write the vectors of a part, unit length in float16, one row per photo; no file where one is missing."""
    kept = [embed for embed in embeds if embed is not None]
    if not kept or len(kept) < len(embeds) or len({embed.shape for embed in kept}) != 1:
        path.unlink(missing_ok=True)
        return
    # float16 of a unit vector is exact to 5e-4, and near duplicates are told apart at a cosine of 0.97
    rows = torch.nn.functional.normalize(torch.stack(kept), dim=1).numpy().astype(np.float16)
    with atomic_write(path) as temp, temp.open("wb") as file:
        np.save(file, rows, allow_pickle=False)


def read_embeds(path: Path, count: int) -> Float[Tensor, "photos dim"] | None:
    """The vectors of a part of ``count`` photos; None where there are none, or they belong to other rows."""
    try:
        rows = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return torch.from_numpy(rows.astype(np.float32)) if rows.ndim == 2 and len(rows) == count else None
