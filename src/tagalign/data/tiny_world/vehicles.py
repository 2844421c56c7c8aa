"""Drawings of the vehicles."""

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
    Pen,
)  # fmt: skip


def _wheel(pen: Pen, x: float, y: float, radius: float) -> None:
    pen.dot(x, y, radius, BLACK)
    pen.dot(x, y, radius * 0.55, GREY)
    pen.dot(x, y, radius * 0.2, BLACK)


def draw_car(pen: Pen) -> None:
    """Side view: cabin with two windows, door, lamps, two wheels."""
    pen.poly([(0.2, 0.5), (0.32, 0.2), (0.68, 0.2), (0.82, 0.5)])
    pen.poly([(0.27, 0.48), (0.35, 0.26), (0.48, 0.26), (0.48, 0.48)], GLASS)
    pen.poly([(0.52, 0.48), (0.52, 0.26), (0.65, 0.26), (0.75, 0.48)], GLASS)
    pen.rect(0.02, 0.48, 0.98, 0.76)
    pen.rect(0.02, 0.68, 0.98, 0.76, SHADE)
    pen.line([(0.5, 0.48), (0.5, 0.74)], 0.025, SHADE)
    pen.rect(0.54, 0.54, 0.62, 0.58, WHITE)
    pen.rect(0.9, 0.52, 0.98, 0.62, GOLD)
    pen.rect(0.02, 0.52, 0.08, 0.62, EMBER)
    _wheel(pen, 0.24, 0.76, 0.16)
    _wheel(pen, 0.76, 0.76, 0.16)


def draw_bus(pen: Pen) -> None:
    """Side view: two rows of windows in a tall box, door, small wheels."""
    pen.rect(0.02, 0.1, 0.98, 0.84)
    for row in (0.17, 0.44):
        for column in range(4):
            x = 0.07 + 0.17 * column
            pen.rect(x, row, x + 0.13, row + 0.17, GLASS)
            pen.line([(x + 0.065, row), (x + 0.065, row + 0.17)], 0.02, BLACK)
    pen.rect(0.77, 0.42, 0.92, 0.84, STEEL)
    pen.rect(0.79, 0.46, 0.9, 0.62, GLASS)
    pen.rect(0.77, 0.17, 0.94, 0.34, GLASS)
    pen.rect(0.02, 0.37, 0.98, 0.41, WHITE)
    pen.rect(0.02, 0.7, 0.76, 0.74, SHADE)
    _wheel(pen, 0.22, 0.85, 0.115)
    _wheel(pen, 0.62, 0.85, 0.115)


def draw_boat(pen: Pen) -> None:
    """Side view: planked hull with portholes, mast, two seamed sails, pennant."""
    pen.rect(0.46, 0.04, 0.5, 0.66, WOOD)
    pen.poly([(0.52, 0.08), (0.52, 0.6), (0.92, 0.6)], WHITE)
    pen.poly([(0.44, 0.14), (0.44, 0.6), (0.1, 0.6)], WHITE)
    for y in (0.3, 0.44):
        pen.line([(0.53, y), (0.6 + y * 0.35, y)], 0.025, GREY)
        pen.line([(0.43, y), (0.42 - y * 0.35, y)], 0.025, GREY)
    pen.poly([(0.48, 0.0), (0.64, 0.04), (0.48, 0.1)], EMBER)
    pen.poly([(0.02, 0.66), (0.98, 0.66), (0.82, 0.96), (0.18, 0.96)])
    pen.line([(0.08, 0.76), (0.92, 0.76)], 0.025, SHADE)
    pen.line([(0.14, 0.88), (0.86, 0.88)], 0.025, SHADE)
    for x in (0.28, 0.42, 0.56, 0.7):
        pen.dot(x, 0.82, 0.05, BLACK)
        pen.dot(x, 0.82, 0.028, GLASS)


def draw_airplane(pen: Pen) -> None:
    """Side view: long tube with a row of round windows, swept wing, tail fin, engine."""
    pen.poly([(0.02, 0.12), (0.16, 0.12), (0.3, 0.42), (0.06, 0.46)])
    pen.line([(0.06, 0.2), (0.2, 0.2)], 0.04, WHITE)
    pen.poly([(0.02, 0.44), (0.2, 0.36), (0.86, 0.36), (1.0, 0.5), (0.86, 0.62), (0.2, 0.62)])
    pen.poly([(0.84, 0.38), (0.96, 0.48), (0.84, 0.48)], GLASS)
    for k in range(7):
        pen.dot(0.27 + 0.075 * k, 0.46, 0.026, BLACK)
    pen.line([(0.12, 0.56), (0.92, 0.56)], 0.03, WHITE)
    pen.poly([(0.42, 0.54), (0.64, 0.54), (0.36, 0.92), (0.24, 0.92)], LIGHT)
    pen.line([(0.54, 0.6), (0.3, 0.88)], 0.025, SHADE)
    pen.ellipse(0.46, 0.66, 0.66, 0.78, STEEL)
    pen.ellipse(0.6, 0.67, 0.66, 0.77, BLACK)


def draw_bicycle(pen: Pen) -> None:
    """Side view: two spoked wheels, painted tyres and frame, saddle and bar."""
    for x in (0.24, 0.76):
        pen.dot(x, 0.66, 0.25, LIGHT)
        for k in range(6):
            dx, dy = 0.22 * cos(pi * k / 6), 0.22 * sin(pi * k / 6)
            pen.line([(x - dx, 0.66 - dy), (x + dx, 0.66 + dy)], 0.018, STEEL)
        pen.ring(x, 0.66, 0.25, 0.075, PAINT)
        pen.dot(x, 0.66, 0.045, BLACK)
    frame = [(0.24, 0.66), (0.4, 0.34), (0.68, 0.34), (0.5, 0.66), (0.24, 0.66)]
    pen.line(frame, 0.085, PAINT)
    pen.line([(0.5, 0.66), (0.37, 0.22)], 0.07, PAINT)
    pen.line([(0.76, 0.66), (0.66, 0.16), (0.84, 0.14)], 0.07, PAINT)
    pen.ellipse(0.26, 0.14, 0.5, 0.25, BLACK)
    pen.dot(0.5, 0.66, 0.07, GOLD)
    pen.dot(0.5, 0.66, 0.03, BLACK)
    pen.rect(0.78, 0.1, 0.9, 0.19, BLACK)


def draw_train(pen: Pen) -> None:
    """Side view: boiler with hoops, chimney with smoke, cab, coupled red wheels on a rail."""
    for x, y, r in ((0.78, 0.12, 0.1), (0.64, 0.06, 0.07)):
        pen.dot(x, y, r, WHITE)
    pen.poly([(0.74, 0.2), (0.94, 0.2), (0.88, 0.46), (0.8, 0.46)], BLACK)
    pen.rect(0.36, 0.4, 0.96, 0.7)
    for x in (0.48, 0.6, 0.72):
        pen.rect(x, 0.4, x + 0.035, 0.7, GOLD)
    pen.ellipse(0.5, 0.3, 0.64, 0.48, SHADE)
    pen.rect(0.04, 0.2, 0.4, 0.72)
    pen.rect(0.0, 0.14, 0.44, 0.22, BLACK)
    pen.rect(0.1, 0.28, 0.32, 0.48, GLASS)
    pen.line([(0.21, 0.28), (0.21, 0.48)], 0.025, BLACK)
    pen.poly([(0.92, 0.7), (1.0, 0.9), (0.84, 0.9)], STEEL)
    pen.dot(0.95, 0.5, 0.06, GOLD)
    pen.rect(0.04, 0.7, 0.92, 0.76, STEEL)
    for x in (0.16, 0.42, 0.66, 0.82):
        pen.dot(x, 0.84, 0.11, BLACK)
        pen.dot(x, 0.84, 0.065, EMBER)
        pen.dot(x, 0.84, 0.03, WHITE)
    pen.line([(0.16, 0.84), (0.66, 0.84)], 0.03, GREY)


def draw_rocket(pen: Pen) -> None:
    """Upright: pointed nose, porthole, riveted belts, fins, flames."""
    pen.poly([(0.36, 0.82), (0.64, 0.82), (0.58, 1.0), (0.5, 0.9), (0.42, 1.0)], EMBER)
    pen.poly([(0.43, 0.82), (0.57, 0.82), (0.5, 0.95)], GOLD)
    pen.poly([(0.3, 0.54), (0.1, 0.74), (0.12, 0.92), (0.32, 0.8)], SHADE)
    pen.poly([(0.7, 0.54), (0.9, 0.74), (0.88, 0.92), (0.68, 0.8)], SHADE)
    pen.line([(0.28, 0.62), (0.16, 0.82)], 0.03, WHITE)
    pen.line([(0.72, 0.62), (0.84, 0.82)], 0.03, WHITE)
    pen.ellipse(0.26, 0.02, 0.74, 0.98)
    pen.poly([(0.36, 0.2), (0.5, 0.0), (0.64, 0.2)], EMBER)
    pen.rect(0.36, 0.18, 0.64, 0.22, STEEL)
    pen.dot(0.5, 0.38, 0.125, STEEL)
    pen.dot(0.5, 0.38, 0.085, GLASS)
    pen.line([(0.45, 0.42), (0.54, 0.33)], 0.02, WHITE)
    for y in (0.58, 0.72):
        pen.rect(0.28, y, 0.72, y + 0.05, STEEL)
        for x in (0.34, 0.45, 0.56, 0.66):
            pen.dot(x, y + 0.025, 0.018, WHITE)
    pen.rect(0.36, 0.8, 0.64, 0.86, BLACK)
