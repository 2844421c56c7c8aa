"""Colours, patterns and background textures of the two palettes."""

from functools import lru_cache

import numpy as np
from jaxtyping import Float

from tagalign.data.tiny_world.names import Palette

RGB = tuple[int, int, int]

PAINTS: dict[Palette, dict[str, RGB]] = {
    "default": {
        "red": (215, 40, 40), "blue": (45, 85, 215), "green": (55, 165, 65), "yellow": (245, 215, 45),
        "white": (242, 242, 242), "black": (52, 52, 58), "orange": (245, 140, 30), "purple": (135, 60, 175),
        "brown": (135, 85, 45), "pink": (250, 145, 190),
    },
    "other": {
        "red": (165, 30, 60), "blue": (85, 150, 230), "green": (125, 190, 80), "yellow": (225, 195, 90),
        "white": (225, 222, 210), "black": (30, 32, 50), "orange": (225, 115, 60), "purple": (165, 110, 215),
        "brown": (105, 70, 60), "pink": (230, 110, 160),
    },
}  # fmt: skip
"""RGB of every colour name."""

# Base colour, two colours of the texture, and the texture drawn with them.
_GROUNDS: dict[str, tuple[RGB, RGB, RGB, str]] = {
    "grass": ((118, 186, 92), (88, 156, 70), (146, 206, 112), "blades"),
    "sky": ((150, 200, 242), (235, 244, 252), (190, 222, 248), "clouds"),
    "sand": ((228, 206, 158), (204, 178, 126), (242, 226, 186), "grains"),
    "water": ((66, 132, 190), (120, 178, 222), (46, 108, 168), "waves"),
    "snow": ((236, 240, 248), (206, 216, 236), (255, 255, 255), "drifts"),
    "street": ((134, 134, 140), (112, 112, 118), (236, 232, 190), "lanes"),
    "carpet": ((176, 92, 98), (208, 140, 120), (148, 66, 84), "weave"),
    "wall": ((184, 116, 88), (214, 200, 186), (164, 96, 72), "bricks"),
    "forest": ((62, 96, 62), (40, 70, 44), (96, 74, 50), "trunks"),
    "desert": ((222, 168, 104), (196, 138, 78), (236, 190, 132), "dunes"),
    "night": ((34, 38, 78), (238, 236, 200), (52, 58, 108), "stars"),
    "field": ((206, 190, 92), (166, 146, 60), (226, 214, 128), "rows"),
}

TILE = 240  # side of a background tile in pixels; a scene shows a window of it
STRIPE_PX = 8  # one period of a pattern is as long as the side of a patch


@lru_cache(maxsize=64)
def background_tile(name: str) -> Float[np.ndarray, "tile tile 3"]:
    """Return the texture of a background, RGB in [0, 255]; the same array every time, do not write to it."""
    base, first, second, texture = _GROUNDS[name]
    cover_first, cover_second = _TEXTURES[texture](np.random.default_rng(len(texture) * 1009 + ord(name[0])))
    tile = np.empty((TILE, TILE, 3), np.float32)
    tile[:] = base
    for cover, colour in ((cover_first, first), (cover_second, second)):
        tile += np.clip(cover, 0, 1)[..., None].astype(np.float32) * (np.asarray(colour, np.float32) - tile)
    tile.setflags(write=False)
    return tile


def pattern_mask(pattern: str, side: int) -> Float[np.ndarray, "side side"]:
    """Return where the second tone of a pattern covers the paint, in [0, 1]."""
    y, x = np.mgrid[0:side, 0:side].astype(np.float32)
    if pattern == "plain":
        return np.zeros((side, side), np.float32)
    if pattern == "striped":
        return _soft(np.sin((x + y) * (2 * np.pi / STRIPE_PX)) - 0.15)
    if pattern == "dotted":
        dx, dy = (x % STRIPE_PX) - STRIPE_PX / 2, (y % STRIPE_PX) - STRIPE_PX / 2
        return _soft((2.5 - np.hypot(dx, dy)) * 1.2)
    return _soft(np.sin(x * (np.pi / STRIPE_PX * 1.4)) * np.sin(y * (np.pi / STRIPE_PX * 1.4)) * 3)


def paint_texture(color: str, pattern: str, palette: Palette, side: int) -> Float[np.ndarray, "side side 3"]:
    """Return the paint of an object: its colour and, where the pattern covers it, white (grey on white)."""
    paint = np.asarray(PAINTS[palette][color], np.float32)
    second = np.full(3, 128 if color == "white" else 250, np.float32)
    cover = pattern_mask(pattern, side)[..., None]
    return np.asarray(paint + cover * (second - paint))


def _soft(values: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    return np.clip(values * 2 + 0.5, 0, 1).astype(np.float32)


def _grid() -> tuple[Float[np.ndarray, "tile tile"], Float[np.ndarray, "tile tile"]]:
    y, x = np.mgrid[0:TILE, 0:TILE].astype(np.float32)
    return y, x


Covers = tuple[Float[np.ndarray, "tile tile"], Float[np.ndarray, "tile tile"]]


def _marks(rng: np.random.Generator, count: int, height: int, width: int) -> Float[np.ndarray, "tile tile"]:
    """Scatter small filled boxes."""
    cover = np.zeros((TILE, TILE), np.float32)
    for top, left in rng.integers(0, TILE - max(height, width), (count, 2)):
        cover[top : top + height, left : left + width] = 1
    return cover


def _blobs(
    rng: np.random.Generator, count: int, radius_y: float, radius_x: float
) -> Float[np.ndarray, "tile tile"]:
    """Scatter soft ellipses."""
    y, x = _grid()
    cover = np.zeros((TILE, TILE), np.float32)
    for cy, cx in rng.uniform(0, TILE, (count, 2)):
        cover = np.maximum(cover, 1.6 - 1.6 * np.hypot((y - cy) / radius_y, (x - cx) / radius_x))
    return np.clip(cover, 0, 1)


def _blades(rng: np.random.Generator) -> Covers:
    return _marks(rng, 900, 5, 1), _marks(rng, 700, 4, 1)


def _clouds(rng: np.random.Generator) -> Covers:
    return _blobs(rng, 60, 6.0, 15.0), _blobs(rng, 40, 12.0, 26.0) * 0.6


def _grains(rng: np.random.Generator) -> Covers:
    return _marks(rng, 1500, 1, 2), _marks(rng, 1500, 1, 1)


def _waves(rng: np.random.Generator) -> Covers:
    y, x = _grid()
    crest = y + 2.0 * np.sin(x * (2 * np.pi / 20))
    return _soft(np.sin(crest * (2 * np.pi / 10)) - 0.8), _soft(np.sin(crest * (2 * np.pi / 10) + 2.2) - 0.85)


def _drifts(rng: np.random.Generator) -> Covers:
    return _blobs(rng, 70, 4.0, 14.0), _blobs(rng, 260, 2.2, 2.2)


def _lanes(rng: np.random.Generator) -> Covers:
    y, x = _grid()
    return _marks(rng, 1400, 1, 1), ((y % 30 < 3) & (x % 24 < 14)).astype(np.float32)


def _weave(rng: np.random.Generator) -> Covers:
    y, x = _grid()
    diamonds = np.abs((x % 16) - 8) + np.abs((y % 16) - 8)
    return (diamonds < 3).astype(np.float32), (np.abs(diamonds - 7) < 1).astype(np.float32)


def _bricks(rng: np.random.Generator) -> Covers:
    y, x = _grid()
    shifted = x + 8 * ((y // 8) % 2)
    return ((y % 8 < 1) | (shifted % 16 < 1)).astype(np.float32), (
        (y // 8 * 7 + shifted // 16 * 3) % 4 == 0
    ) * 0.6


def _trunks(rng: np.random.Generator) -> Covers:
    y, x = _grid()
    return _blobs(rng, 140, 5.0, 5.0), ((x + 3 * np.sin(y / 25)) % 20 < 4).astype(np.float32)


def _dunes(rng: np.random.Generator) -> Covers:
    y, x = _grid()
    crest = y + 7 * np.sin(x * (2 * np.pi / 60))
    return (crest % 24 < 2).astype(np.float32), (crest % 24) / 24 * 0.8


def _stars(rng: np.random.Generator) -> Covers:
    return _marks(rng, 330, 2, 2), _blobs(rng, 30, 16.0, 30.0)


def _rows(rng: np.random.Generator) -> Covers:
    y, x = _grid()
    return ((x + y * 0.3) % 8 < 2).astype(np.float32), _marks(rng, 900, 3, 1)


_TEXTURES = {
    "blades": _blades, "clouds": _clouds, "grains": _grains, "waves": _waves, "drifts": _drifts, "lanes": _lanes,
    "weave": _weave, "bricks": _bricks, "trunks": _trunks, "dunes": _dunes, "stars": _stars, "rows": _rows,
}  # fmt: skip
