"""Drawings of the buildings."""

from math import cos, pi, sin

from tagalign.data.tiny_world.pen import (
    BLACK,
    EMBER,
    GLASS,
    GOLD,
    GREY,
    LIGHT,
    PAINT,
    SHADE,
    STEEL,
    WHITE,
    WOOD,
    Ink,
    Pen,
)  # fmt: skip


def _pane(pen: Pen, x: float, y: float, w: float, h: float) -> None:
    pen.rect(x, y, x + w, y + h, WHITE)
    pen.rect(x + 0.02, y + 0.02, x + w - 0.02, y + h - 0.02, GLASS)
    pen.line([(x + w / 2, y), (x + w / 2, y + h)], 0.02, WHITE)
    pen.line([(x, y + h / 2), (x + w, y + h / 2)], 0.02, WHITE)


def _bricks(pen: Pen, x0: float, y0: float, x1: float, y1: float, rows: int, ink: Ink = SHADE) -> None:
    height = (y1 - y0) / rows
    for row in range(rows):
        y = y0 + height * row
        pen.line([(x0, y), (x1, y)], 0.018, ink)
        x = x0 + (0.07 if row % 2 else 0.14)
        while x < x1:
            pen.line([(x, y), (x, y + height)], 0.018, ink)
            x += 0.14


def draw_house(pen: Pen) -> None:
    """Tiled gable roof, chimney, door, two cross-barred windows."""
    pen.rect(0.7, 0.06, 0.82, 0.36, WOOD)
    pen.rect(0.1, 0.42, 0.9, 0.98)
    pen.poly([(0.0, 0.46), (0.5, 0.02), (1.0, 0.46)], EMBER)
    for y in (0.18, 0.27, 0.36):
        half = (y - 0.02) * 1.1
        pen.line([(0.5 - half, y), (0.5 + half, y)], 0.02, WOOD)
        for k in range(int(half * 14)):
            pen.line(
                [(0.5 - half + 0.14 * k + 0.07, y), (0.5 - half + 0.14 * k + 0.07, y + 0.09)], 0.018, WOOD
            )
    pen.rect(0.42, 0.62, 0.58, 0.98, WOOD)
    pen.dot(0.54, 0.8, 0.02, GOLD)
    _pane(pen, 0.17, 0.56, 0.2, 0.22)
    _pane(pen, 0.63, 0.56, 0.2, 0.22)
    pen.line([(0.1, 0.9), (0.42, 0.9)], 0.025, SHADE)
    pen.line([(0.58, 0.9), (0.9, 0.9)], 0.025, SHADE)


def draw_castle(pen: Pen) -> None:
    """Brick wall between two battlemented towers, arched gate, flags."""
    for x in (0.15, 0.85):
        pen.line([(x, 0.2), (x, 0.0)], 0.025, BLACK)
        pen.poly([(x, 0.0), (x + 0.14, 0.04), (x, 0.09)], EMBER)
    pen.rect(0.24, 0.42, 0.76, 0.98)
    for k in range(4):
        pen.rect(0.27 + 0.13 * k, 0.35, 0.34 + 0.13 * k, 0.43)
    for x in (0.02, 0.7):
        pen.rect(x, 0.24, x + 0.28, 0.98)
        for k in range(3):
            pen.rect(x + 0.105 * k, 0.16, x + 0.07 + 0.105 * k, 0.25)
        _bricks(pen, x, 0.28, x + 0.28, 0.98, 8)
        pen.rect(x + 0.11, 0.36, x + 0.17, 0.52, BLACK)
    _bricks(pen, 0.3, 0.46, 0.7, 0.98, 6)
    pen.half(0.36, 0.56, 0.64, 0.92, BLACK)
    pen.rect(0.36, 0.74, 0.64, 0.98, BLACK)
    for x in (0.43, 0.5, 0.57):
        pen.line([(x, 0.62), (x, 0.98)], 0.02, GREY)
    pen.line([(0.36, 0.82), (0.64, 0.82)], 0.02, GREY)


def draw_tent(pen: Pen) -> None:
    """Triangular canvas with seams, open flap, poles and pegs."""
    pen.line([(0.5, 0.0), (0.5, 0.2)], 0.03, WOOD)
    pen.poly([(0.5, 0.08), (0.98, 0.92), (0.02, 0.92)])
    for k in (0.2, 0.33, 0.67, 0.8):
        pen.line([(0.5, 0.08), (k, 0.92)], 0.025, SHADE)
    pen.poly([(0.5, 0.32), (0.66, 0.92), (0.34, 0.92)], BLACK)
    pen.poly([(0.5, 0.32), (0.34, 0.92), (0.24, 0.86)], LIGHT)
    pen.poly([(0.5, 0.32), (0.66, 0.92), (0.76, 0.86)], LIGHT)
    for k in range(8):
        pen.poly([(0.06 + 0.11 * k, 0.92), (0.17 + 0.11 * k, 0.92), (0.115 + 0.11 * k, 0.99)], WHITE)
    pen.dot(0.5, 0.5, 0.03, GOLD)


def draw_igloo(pen: Pen) -> None:
    """Dome of blocks with an arched tunnel."""
    pen.half(0.02, 0.14, 0.84, 1.6, PAINT)
    for y, half in ((0.36, 0.31), (0.53, 0.38), (0.7, 0.4)):
        pen.line([(0.43 - half, y), (0.43 + half, y)], 0.025, WHITE)
    for x, y0, y1 in (
        (0.33, 0.17, 0.36),
        (0.53, 0.17, 0.36),
        (0.22, 0.36, 0.53),
        (0.42, 0.36, 0.53),
        (0.62, 0.36, 0.53),
    ):
        pen.line([(x, y0), (x, y1)], 0.025, WHITE)
    for x, y0, y1 in (
        (0.14, 0.53, 0.7),
        (0.32, 0.53, 0.7),
        (0.5, 0.53, 0.7),
        (0.22, 0.7, 0.87),
        (0.42, 0.7, 0.87),
    ):
        pen.line([(x, y0), (x, y1)], 0.025, WHITE)
    pen.half(0.5, 0.46, 0.98, 1.28, SHADE)
    pen.half(0.58, 0.56, 0.9, 1.18, BLACK)
    for a in (0.2, 0.4, 0.6, 0.8):
        pen.line([_arc(0.74, 0.87, 0.17, 0.3, a), _arc(0.74, 0.87, 0.24, 0.41, a)], 0.025, WHITE)


def _arc(x: float, y: float, rx: float, ry: float, turn: float) -> tuple[float, float]:
    return (x - rx * cos(pi * turn), y - ry * sin(pi * turn))


def draw_lighthouse(pen: Pen) -> None:
    """Tapered tower with white belts, railed gallery, lamp with rays, rocks."""
    for dy in (-0.08, 0.0, 0.08):
        pen.poly([(0.5, 0.14), (0.02, 0.1 + dy), (0.02, 0.15 + dy)], GOLD)
        pen.poly([(0.5, 0.14), (0.98, 0.1 + dy), (0.98, 0.15 + dy)], GOLD)
    pen.poly([(0.36, 0.26), (0.64, 0.26), (0.76, 0.95), (0.24, 0.95)])
    for y in (0.4, 0.62, 0.82):
        half = 0.14 + (y - 0.26) * 0.17
        pen.rect(0.5 - half, y, 0.5 + half, y + 0.07, WHITE)
    for x, y in ((0.47, 0.31), (0.5, 0.52), (0.46, 0.73)):
        pen.rect(x, y, x + 0.06, y + 0.08, BLACK)
    pen.rect(0.4, 0.08, 0.6, 0.22, GLASS)
    pen.dot(0.5, 0.15, 0.05, GOLD)
    pen.poly([(0.36, 0.09), (0.5, 0.0), (0.64, 0.09)], EMBER)
    pen.rect(0.3, 0.21, 0.7, 0.27, STEEL)
    for k in range(5):
        pen.line([(0.32 + 0.09 * k, 0.21), (0.32 + 0.09 * k, 0.27)], 0.02, WHITE)
    for x in (0.1, 0.28, 0.5, 0.7, 0.88):
        pen.half(x - 0.13, 0.84, x + 0.13, 1.12, GREY)
        pen.line([(x - 0.05, 0.93), (x + 0.03, 0.9)], 0.02, STEEL)


def draw_windmill(pen: Pen) -> None:
    """Shingled body under four lattice sails, door, cap."""
    pen.poly([(0.36, 0.36), (0.64, 0.36), (0.76, 0.98), (0.24, 0.98)])
    for row, y in enumerate((0.6, 0.7, 0.8, 0.9)):
        half = 0.14 + (y - 0.36) * 0.19
        for k in range(4):
            x = 0.5 - half + (0.08 if row % 2 else 0.0) + 0.12 * k
            pen.half(x, y - 0.04, x + 0.1, y + 0.06, SHADE)
    pen.half(0.44, 0.8, 0.56, 1.0, WOOD)
    pen.rect(0.44, 0.9, 0.56, 0.98, WOOD)
    pen.half(0.34, 0.22, 0.66, 0.54, WOOD)
    for k in range(4):
        angle = pi * k / 2 + pi / 4
        ux, uy = cos(angle), sin(angle)
        root, tip = (0.5 + 0.08 * ux, 0.36 + 0.08 * uy), (0.5 + 0.48 * ux, 0.36 + 0.48 * uy * 0.75)
        nx, ny = -uy * 0.15, ux * 0.15
        pen.poly([root, tip, (tip[0] + nx, tip[1] + ny), (root[0] + nx, root[1] + ny)], WHITE)
        for t in (0.2, 0.45, 0.7, 0.95):
            x, y = root[0] + t * (tip[0] - root[0]), root[1] + t * (tip[1] - root[1])
            pen.line([(x, y), (x + nx, y + ny)], 0.02, STEEL)
        pen.line([(0.5, 0.36), tip], 0.035, WOOD)
    pen.dot(0.5, 0.36, 0.06, BLACK)


def draw_tower(pen: Pen) -> None:
    """Stepped high-rise with a grid of lit windows and an antenna."""
    pen.line([(0.5, 0.12), (0.5, 0.0)], 0.03, STEEL)
    pen.dot(0.5, 0.02, 0.03, EMBER)
    pen.rect(0.36, 0.1, 0.64, 0.3)
    pen.rect(0.26, 0.26, 0.74, 0.98)
    pen.rect(0.14, 0.56, 0.86, 0.98)
    for row in range(8):
        y = 0.15 + 0.1 * row
        half = 0.12 if y < 0.26 else 0.22 if y < 0.56 else 0.34
        count = round(half * 2 / 0.115)
        for k in range(count):
            x = 0.5 - half + (2 * half) * (k + 0.5) / count
            pen.rect(x - 0.036, y, x + 0.036, y + 0.065, GOLD if (row + k) % 3 else BLACK)
    pen.rect(0.14, 0.93, 0.86, 0.98, STEEL)
    pen.rect(0.44, 0.86, 0.56, 0.98, GLASS)
