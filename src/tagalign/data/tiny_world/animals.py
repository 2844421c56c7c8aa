"""Drawings of the animals: each has textures and parts of its own, at the scale of a patch."""

from math import cos, pi, sin

from tagalign.data.tiny_world.pen import BLACK, EMBER, GOLD, LIGHT, PAINT, SHADE, SKIN, WHITE, Pen


def draw_dog(pen: Pen) -> None:
    """Side view: flap ear, spotted coat, four legs, tail up."""
    pen.line([(0.1, 0.5), (0.02, 0.2)], 0.08, PAINT)
    for x in (0.14, 0.27, 0.5, 0.62):
        pen.rect(x, 0.62, x + 0.1, 0.97, PAINT)
        pen.rect(x, 0.9, x + 0.1, 0.97, WHITE)
    pen.ellipse(0.06, 0.4, 0.76, 0.76)
    pen.ellipse(0.52, 0.1, 0.9, 0.52)
    pen.ellipse(0.72, 0.26, 1.0, 0.48, LIGHT)
    pen.dot(0.96, 0.32, 0.05)
    pen.line([(0.82, 0.43), (0.95, 0.41)], 0.025, BLACK)
    pen.ellipse(0.5, 0.1, 0.64, 0.52, SHADE)
    for x, y in ((0.2, 0.5), (0.34, 0.62), (0.42, 0.48)):
        pen.dot(x, y, 0.055, SHADE)
    pen.rect(0.57, 0.5, 0.74, 0.56, EMBER)
    pen.eye(0.75, 0.24)


def draw_cat(pen: Pen) -> None:
    """Front view, sitting: pointed ears, whiskers, ringed tail, tabby bars."""
    pen.line([(0.68, 0.88), (0.93, 0.8), (0.9, 0.45)], 0.11, PAINT)
    for y in (0.5, 0.62, 0.74):
        pen.line([(0.84, y), (0.98, y)], 0.045, SHADE)
    pen.ellipse(0.2, 0.45, 0.78, 1.0)
    for y in (0.62, 0.72, 0.82):
        pen.line([(0.22, y), (0.34, y + 0.03)], 0.04, SHADE)
        pen.line([(0.76, y), (0.64, y + 0.03)], 0.04, SHADE)
    pen.ellipse(0.38, 0.6, 0.6, 0.95, LIGHT)
    pen.poly([(0.16, 0.28), (0.17, 0.0), (0.42, 0.14)])
    pen.poly([(0.82, 0.28), (0.81, 0.0), (0.56, 0.14)])
    pen.poly([(0.22, 0.18), (0.22, 0.08), (0.32, 0.14)], SKIN)
    pen.poly([(0.76, 0.18), (0.76, 0.08), (0.66, 0.14)], SKIN)
    pen.ellipse(0.14, 0.1, 0.84, 0.6)
    for x in (0.42, 0.49, 0.56):
        pen.line([(x, 0.12), (x, 0.22)], 0.03, SHADE)
    for y in (0.42, 0.48):
        pen.line([(0.06, y - 0.02), (0.34, y)], 0.02, WHITE)
        pen.line([(0.92, y - 0.02), (0.64, y)], 0.02, WHITE)
    pen.poly([(0.44, 0.4), (0.54, 0.4), (0.49, 0.46)], SKIN)
    pen.line([(0.42, 0.51), (0.49, 0.46), (0.56, 0.51)], 0.025, BLACK)
    pen.eye(0.34, 0.33, 0.05)
    pen.eye(0.64, 0.33, 0.05)


def draw_fish(pen: Pen) -> None:
    """Side view: rows of scales, rayed fins, forked tail."""
    pen.poly([(0.22, 0.5), (0.0, 0.2), (0.06, 0.5), (0.0, 0.82)])
    for y in (0.3, 0.42, 0.58, 0.7):
        pen.line([(0.03, y), (0.2, 0.5)], 0.025, SHADE)
    pen.poly([(0.35, 0.3), (0.5, 0.06), (0.75, 0.28)])
    for x in (0.46, 0.56, 0.66):
        pen.line([(x, 0.14), (x - 0.02, 0.3)], 0.02, SHADE)
    pen.ellipse(0.14, 0.22, 0.98, 0.8)
    for row, y in enumerate((0.36, 0.48, 0.6)):
        for column in range(4):
            x = 0.3 + 0.11 * column + (0.055 if row % 2 else 0)
            pen.ring(x, y, 0.065, 0.02, SHADE)
    pen.poly([(0.45, 0.6), (0.62, 0.66), (0.46, 0.9)], LIGHT)
    pen.line([(0.76, 0.28), (0.71, 0.5), (0.76, 0.74)], 0.035, SHADE)
    pen.line([(0.88, 0.6), (0.96, 0.56)], 0.03, BLACK)
    pen.eye(0.85, 0.43, 0.045)


def draw_bird(pen: Pen) -> None:
    """Side view: feathered wing, fan tail, thin legs, orange beak."""
    pen.line([(0.45, 0.8), (0.42, 0.97), (0.52, 0.97)], 0.035, EMBER)
    pen.line([(0.58, 0.8), (0.57, 0.97), (0.67, 0.97)], 0.035, EMBER)
    pen.poly([(0.25, 0.6), (0.0, 0.3), (0.04, 0.62), (0.0, 0.82)])
    for y in (0.42, 0.58, 0.72):
        pen.line([(0.03, y), (0.24, 0.6)], 0.025, WHITE)
    pen.ellipse(0.16, 0.38, 0.8, 0.86)
    pen.ellipse(0.42, 0.6, 0.76, 0.86, LIGHT)
    pen.ellipse(0.54, 0.08, 0.92, 0.5)
    pen.poly([(0.88, 0.22), (1.0, 0.3), (0.88, 0.36)], EMBER)
    pen.poly([(0.66, 0.12), (0.62, 0.0), (0.74, 0.09)])
    pen.poly([(0.6, 0.46), (0.56, 0.7), (0.12, 0.72), (0.34, 0.46)], SHADE)
    for k in range(4):
        pen.line([(0.24 + 0.1 * k, 0.7), (0.38 + 0.06 * k, 0.5)], 0.025, WHITE)
    pen.eye(0.77, 0.23)


def draw_turtle(pen: Pen) -> None:
    """Side view: domed shell of plates, rim, stubby legs."""
    pen.ellipse(0.14, 0.66, 0.34, 0.95, LIGHT)
    pen.ellipse(0.5, 0.66, 0.7, 0.95, LIGHT)
    pen.poly([(0.08, 0.74), (0.0, 0.86), (0.14, 0.82)], LIGHT)
    pen.ellipse(0.68, 0.36, 0.99, 0.66, LIGHT)
    pen.rect(0.66, 0.56, 0.8, 0.76, LIGHT)
    pen.half(0.06, 0.14, 0.78, 1.36, PAINT)
    for x, y in ((0.22, 0.58), (0.42, 0.36), (0.42, 0.62), (0.62, 0.58)):
        pen.star(x, y, 0.115, 6, 0.88, SHADE)
        pen.star(x, y, 0.06, 6, 0.88, GOLD)
    pen.rect(0.04, 0.7, 0.8, 0.78, SHADE)
    for k in range(6):
        pen.rect(0.08 + 0.12 * k, 0.715, 0.13 + 0.12 * k, 0.765, GOLD)
    pen.line([(0.86, 0.58), (0.97, 0.56)], 0.025, BLACK)
    pen.eye(0.88, 0.47)


def draw_butterfly(pen: Pen) -> None:
    """Top view: four wings with eye spots and veins, feelers."""
    pen.line([(0.5, 0.3), (0.36, 0.04)], 0.025, BLACK)
    pen.line([(0.5, 0.3), (0.64, 0.04)], 0.025, BLACK)
    for side in (-1, 1):
        pen.poly([(0.5, 0.45), (0.5 + side * 0.2, 0.08), (0.5 + side * 0.49, 0.1), (0.5 + side * 0.45, 0.5)])
        pen.poly(
            [(0.5, 0.5), (0.5 + side * 0.42, 0.54), (0.5 + side * 0.36, 0.94), (0.5 + side * 0.14, 0.88)]
        )
        for dx, dy in ((0.46, 0.2), (0.44, 0.36), (0.26, 0.1)):
            pen.line([(0.5, 0.46), (0.5 + side * dx, dy)], 0.02, SHADE)
        pen.dot(0.5 + side * 0.32, 0.27, 0.085, BLACK)
        pen.dot(0.5 + side * 0.32, 0.27, 0.045, GOLD)
        pen.dot(0.5 + side * 0.27, 0.7, 0.075, WHITE)
        pen.dot(0.5 + side * 0.27, 0.7, 0.035, BLACK)
    pen.ellipse(0.44, 0.28, 0.56, 0.9, BLACK)
    pen.dot(0.5, 0.27, 0.075, BLACK)
    for y in (0.5, 0.6, 0.7):
        pen.line([(0.45, y), (0.55, y)], 0.025, GOLD)
    if not pen.asleep:
        pen.dot(0.47, 0.26, 0.02, WHITE)
        pen.dot(0.53, 0.26, 0.02, WHITE)


def draw_snail(pen: Pen) -> None:
    """Side view: spiral shell on a pale ribbed foot, two stalks."""
    pen.poly([(0.02, 0.92), (0.16, 0.74), (0.98, 0.74), (0.9, 0.94)], SKIN)
    pen.ellipse(0.74, 0.48, 0.98, 0.92, SKIN)
    for x in (0.12, 0.24, 0.36, 0.48, 0.6, 0.72):
        pen.line([(x, 0.84), (x + 0.04, 0.93)], 0.025, BLACK)
    pen.line([(0.84, 0.54), (0.78, 0.26)], 0.035, SKIN)
    pen.line([(0.9, 0.54), (0.95, 0.26)], 0.035, SKIN)
    pen.eye(0.78, 0.26, 0.035)
    pen.eye(0.95, 0.26, 0.035)
    pen.ellipse(0.08, 0.16, 0.74, 0.82)
    turns = [k / 40 for k in range(91)]
    spiral = [
        (0.41 + 0.3 * (1 - t / 2.6) * cos(2 * pi * t), 0.49 + 0.3 * (1 - t / 2.6) * sin(2 * pi * t))
        for t in turns
    ]
    pen.line(spiral, 0.045, SHADE)
    pen.dot(0.41, 0.49, 0.05, WHITE)
