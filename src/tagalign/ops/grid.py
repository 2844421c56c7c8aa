"""Patch grids: position embeddings for any size, tokens to maps and back, Gaussian neighbourhoods."""

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from tagalign.errors import InputError

OFFSET = 0.1
"""Added by DINO to the wanted length before it divides, so that a factor never falls short of it."""


def resize_positions(
    positions: Float[Tensor, "tokens width"],
    grid: tuple[int, int],
    *,
    mode: Literal["bicubic", "bilinear", "offset"] = "bicubic",
    antialias: bool = False,
    prefix: int = 1,
) -> Float[Tensor, "new_tokens width"]:
    """Position embeddings for a grid of another size.

    The native grid is square; its rows are resized with ``align_corners=False``. A grid of the native size is returned
    unchanged, so that no rounding enters.

    Args:
        positions: first those of ``prefix`` tokens, then of the patches row by row.
        grid: rows and columns wanted.
        mode: of the interpolation. ``offset`` is the bicubic one of CLIP copies that took it from DINO: scale factors
            ``((rows + 0.1) / side, (cols + 0.1) / side)`` also place the source coordinates, and a grid with as many patches
            as the native one keeps the table as it is, whatever its shape.
        antialias: average where the grid shrinks, in float32, as TIPSv2 does; CLIP and its descendants do not.
        prefix: rows that are kept as they are (the class token).

    Raises:
        InputError: if the number of patch positions is not a square.
    """
    count = len(positions) - prefix
    side = round(count**0.5)
    if side * side != count:
        raise InputError(f"expected a square grid of positions after the class token, got {count} positions")
    if grid == (side, side) or (mode == "offset" and grid[0] * grid[1] == count):
        return positions
    patches = positions[prefix:].T.reshape(1, -1, side, side)
    if mode == "offset":
        factors = ((grid[0] + OFFSET) / side, (grid[1] + OFFSET) / side)
        shifted = F.interpolate(patches, scale_factor=factors, mode="bicubic", align_corners=False)
        return torch.cat([positions[:prefix], shifted.flatten(2)[0].T])
    wide = patches.float() if antialias else patches
    resized = F.interpolate(wide, size=grid, mode=mode, align_corners=False, antialias=antialias)
    return torch.cat([positions[:prefix], resized.to(positions.dtype).flatten(2)[0].T])


def tokens_to_map(
    tokens: Float[Tensor, "batch patches dim"], grid: tuple[int, int]
) -> Float[Tensor, "batch dim rows cols"]:
    """Patch tokens, row by row from the top left, as a map.

    Raises:
        InputError: if the count does not fit the grid.
    """
    rows, cols = grid
    if tokens.shape[1] != rows * cols:
        raise InputError(
            f"cannot lay {tokens.shape[1]} patches on a {rows}x{cols} grid ({rows * cols} cells); "
            "drop the class token first if the count is off by one"
        )
    return tokens.transpose(1, 2).unflatten(2, grid)


def map_to_tokens(features: Float[Tensor, "batch dim rows cols"]) -> Float[Tensor, "batch patches dim"]:
    """The inverse of ``tokens_to_map``."""
    return features.flatten(2).transpose(1, 2)


def gaussian_neighbourhood(
    grid: tuple[int, int],
    *,
    sigma: float,
    device: torch.device | None = None,
    dtype: torch.dtype = torch.float32,
) -> Float[Tensor, "patches patches"]:
    """``exp(-d(p, q)^2 / (2 sigma^2))`` for all pairs of patches, d in patches; 1 on the diagonal.

    Args:
        grid: rows and columns of patches.
        sigma: in patches, > 0.
        device: of the result.
        dtype: of the result.
    """
    rows, cols = grid
    r = torch.arange(rows, device=device, dtype=dtype)
    c = torch.arange(cols, device=device, dtype=dtype)
    row_term = torch.exp(-((r[:, None] - r[None]) ** 2) / (2 * sigma**2))
    col_term = torch.exp(-((c[:, None] - c[None]) ** 2) / (2 * sigma**2))
    # the Kronecker product written as a broadcast: an export with free sizes turns torch.kron into a constant
    return (row_term[:, None, :, None] * col_term[None, :, None, :]).flatten(0, 1).flatten(1)


def place_tokens(
    tokens: Float[Tensor, "windows patches dim"],
    window: tuple[int, int],
    places: Sequence[tuple[int, int]],
    grid: tuple[int, int],
) -> Float[Tensor, "grid_patches dim"]:
    """Tokens of windows on the grid of the whole image; the mean where windows overlap.

    Args:
        tokens: of each window, row by row.
        window: rows and columns of a window.
        places: row and column of the first patch of each window.
        grid: of the whole image.

    Raises:
        InputError: if a cell of the grid is in no window.
    """
    total = tokens.new_zeros(*grid, tokens.shape[2])
    cover = tokens.new_zeros(*grid, 1)
    for rows, (top, left) in zip(tokens, places, strict=True):
        total[top : top + window[0], left : left + window[1]] += rows.unflatten(0, window)
        cover[top : top + window[0], left : left + window[1]] += 1
    if not bool(cover.all()):
        raise InputError(f"the windows do not cover the grid of {grid[0]} x {grid[1]} patches")
    return (total / cover).flatten(0, 1)
