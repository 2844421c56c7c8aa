"""Drawings of the plants."""

from math import cos, pi, sin

from tagalign.data.tiny_world.pen import BLACK, EMBER, GOLD, LEAF, LIGHT, PAINT, SHADE, WHITE, WOOD, Pen


def draw_tree(pen: Pen) -> None:
    """Round crown of leaf clumps with fruit, barked trunk."""
    pen.poly([(0.42, 0.55), (0.58, 0.55), (0.66, 0.98), (0.34, 0.98)], WOOD)
    for x in (0.44, 0.5, 0.56):
        pen.line([(x, 0.68), (x, 0.95)], 0.02, BLACK)
    for x, y, r in ((0.26, 0.44, 0.22), (0.74, 0.44, 0.22), (0.5, 0.26, 0.25), (0.5, 0.5, 0.22)):
        pen.dot(x, y, r, PAINT)
    for x, y in ((0.2, 0.36), (0.4, 0.2), (0.62, 0.24), (0.8, 0.4), (0.5, 0.42), (0.3, 0.54), (0.68, 0.56)):
        pen.half(x - 0.07, y - 0.06, x + 0.07, y + 0.08, SHADE)
    for x, y in ((0.3, 0.38), (0.52, 0.3), (0.72, 0.42), (0.44, 0.56)):
        pen.dot(x, y, 0.035, EMBER)


def draw_pine(pen: Pen) -> None:
    """Three saw-toothed tiers with hanging needles, short trunk."""
    pen.rect(0.44, 0.8, 0.56, 0.98, WOOD)
    for top, bottom, half in ((0.44, 0.86, 0.46), (0.22, 0.62, 0.36), (0.0, 0.38, 0.26)):
        teeth = [(0.5 - half + 2 * half * k / 8, bottom if k % 2 == 0 else bottom - 0.08) for k in range(9)]
        pen.poly([(0.5, top), *reversed(teeth)], PAINT)
        for k in range(1, 8):
            x = 0.5 - half + 2 * half * k / 8
            pen.line([(x, bottom - 0.12), (0.5 + (x - 0.5) * 0.75, bottom - 0.2)], 0.025, SHADE)
    pen.star(0.5, 0.06, 0.07, 5, 0.45, GOLD)


def draw_palm(pen: Pen) -> None:
    """Ringed bent trunk, long split fronds, coconuts."""
    trunk = [(0.4, 0.98), (0.42, 0.8), (0.46, 0.6), (0.52, 0.36)]
    pen.line(trunk, 0.11, WOOD)
    for x, y in ((0.41, 0.92), (0.42, 0.82), (0.43, 0.72), (0.46, 0.62), (0.48, 0.52)):
        pen.line([(x - 0.06, y), (x + 0.06, y - 0.03)], 0.022, BLACK)
    tips = ((0.02, 0.26), (0.06, 0.56), (0.24, 0.04), (0.66, 0.02), (0.96, 0.16), (0.98, 0.48), (0.76, 0.64))
    for x, y in tips:
        dx, dy = (x - 0.52), (y - 0.3)
        mid = (0.52 + dx * 0.55 - dy * 0.2, 0.3 + dy * 0.55 - abs(dx) * 0.28)
        low = (0.52 + dx * 0.5 + dy * 0.2, 0.3 + dy * 0.5 + 0.06)
        pen.poly([(0.52, 0.3), mid, (x, y), low], PAINT)
        pen.line([(0.52, 0.3), ((mid[0] + low[0]) / 2, (mid[1] + low[1]) / 2), (x, y)], 0.022, SHADE)
    for x, y in ((0.46, 0.36), (0.58, 0.36), (0.52, 0.42)):
        pen.dot(x, y, 0.055, BLACK)
        pen.dot(x - 0.01, y - 0.01, 0.025, WOOD)


def draw_cactus(pen: Pen) -> None:
    """Ribbed column with two arms, white spines, flower on top, pot."""
    for x0, y0, x1, y1 in ((0.06, 0.3, 0.22, 0.62), (0.78, 0.2, 0.94, 0.54)):
        pen.ellipse(x0, y0 - 0.06, x1, y0 + 0.12)
        pen.rect(x0, y0, x1, y1)
        pen.line([((x0 + x1) / 2, y0), ((x0 + x1) / 2, y1)], 0.025, SHADE)
    pen.rect(0.06, 0.5, 0.4, 0.64)
    pen.rect(0.6, 0.42, 0.94, 0.56)
    pen.ellipse(0.34, 0.06, 0.66, 0.4)
    pen.rect(0.34, 0.2, 0.66, 0.82)
    for x in (0.42, 0.5, 0.58):
        pen.line([(x, 0.14), (x, 0.82)], 0.025, SHADE)
    spines = [
        (0.38, 0.24),
        (0.46, 0.34),
        (0.54, 0.24),
        (0.62, 0.34),
        (0.38, 0.46),
        (0.54, 0.46),
        (0.46, 0.58),
    ]
    for x, y in [
        *spines,
        (0.62, 0.58),
        (0.38, 0.7),
        (0.54, 0.7),
        (0.12, 0.4),
        (0.2, 0.52),
        (0.84, 0.3),
        (0.9, 0.44),
    ]:
        pen.line([(x - 0.03, y - 0.025), (x + 0.03, y + 0.025)], 0.02, WHITE)
        pen.line([(x - 0.03, y + 0.025), (x + 0.03, y - 0.025)], 0.02, WHITE)
    pen.star(0.5, 0.07, 0.09, 6, 0.5, EMBER)
    pen.poly([(0.24, 0.8), (0.76, 0.8), (0.68, 0.99), (0.32, 0.99)], WOOD)
    pen.rect(0.22, 0.78, 0.78, 0.84, BLACK)


def draw_sunflower(pen: Pen) -> None:
    """Ring of painted petals around a seeded disc, stem with two leaves."""
    pen.rect(0.47, 0.5, 0.54, 0.99, LEAF)
    pen.ellipse(0.14, 0.76, 0.5, 0.92, LEAF)
    pen.ellipse(0.52, 0.7, 0.88, 0.86, LEAF)
    pen.line([(0.2, 0.84), (0.48, 0.84)], 0.02, BLACK)
    pen.line([(0.54, 0.78), (0.82, 0.78)], 0.02, BLACK)
    for k in range(12):
        x, y = 0.5 + 0.27 * cos(pi * k / 6), 0.36 + 0.27 * sin(pi * k / 6)
        pen.dot(x, y, 0.085, PAINT)
        pen.line([(0.5, 0.36), (x, y)], 0.025, SHADE)
    pen.dot(0.5, 0.36, 0.2, WOOD)
    for k in range(8):
        pen.dot(0.5 + 0.13 * cos(pi * k / 4), 0.36 + 0.13 * sin(pi * k / 4), 0.03, GOLD)
    for k in range(4):
        pen.dot(0.5 + 0.05 * cos(pi * k / 2), 0.36 + 0.05 * sin(pi * k / 2), 0.025, BLACK)


def draw_tulip(pen: Pen) -> None:
    """Cup of three veined petals, tall blade leaves."""
    pen.rect(0.47, 0.5, 0.54, 0.99, LEAF)
    pen.poly([(0.48, 0.99), (0.12, 0.5), (0.28, 0.58), (0.44, 0.8)], LEAF)
    pen.poly([(0.52, 0.99), (0.9, 0.46), (0.74, 0.56), (0.56, 0.8)], LEAF)
    pen.line([(0.2, 0.6), (0.46, 0.94)], 0.022, WHITE)
    pen.line([(0.82, 0.56), (0.54, 0.94)], 0.022, WHITE)
    pen.poly(
        [(0.2, 0.06), (0.5, 0.3), (0.8, 0.06), (0.82, 0.4), (0.64, 0.62), (0.36, 0.62), (0.18, 0.4)], SHADE
    )
    pen.poly([(0.5, 0.0), (0.72, 0.36), (0.6, 0.62), (0.4, 0.62), (0.28, 0.36)], PAINT)
    pen.poly([(0.2, 0.08), (0.4, 0.36), (0.42, 0.6), (0.2, 0.44)], PAINT)
    pen.poly([(0.8, 0.08), (0.6, 0.36), (0.58, 0.6), (0.8, 0.44)], PAINT)
    for x in (0.3, 0.5, 0.7):
        pen.line([(x, 0.24), (0.5 + (x - 0.5) * 0.5, 0.56)], 0.022, LIGHT)
    for x in (0.42, 0.58):
        pen.line([(x, 0.28), (0.5 + (x - 0.5) * 0.6, 0.58)], 0.03, SHADE)


def draw_fern(pen: Pen) -> None:
    """Five arching stems with pairs of painted leaflets, from one root."""
    for bend, reach in ((-1.0, 0.46), (-0.55, 0.74), (0.0, 0.9), (0.55, 0.74), (1.0, 0.46)):
        curve = [
            (0.5 + bend * 0.46 * t * (0.5 + 0.5 * t), 0.97 - reach * (1.6 * t - 0.6 * t * t))
            for t in _steps(9)
        ]
        pen.line(curve, 0.03, LEAF)
        for k in range(2, 10):
            x, y = curve[k]
            size = 0.1 * (1.15 - k / 12)
            for side in (-1, 1):
                pen.poly(
                    [(x, y), (x + side * size, y - 0.055), (x + side * size * 1.2, y + 0.015), (x, y + 0.03)],
                    PAINT,
                )
                pen.line([(x, y), (x + side * size, y - 0.02)], 0.015, SHADE)
    pen.ellipse(0.38, 0.9, 0.62, 1.0, WOOD)


def _steps(count: int) -> list[float]:
    return [k / count for k in range(count + 1)]
