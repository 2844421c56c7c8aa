"""Masks as polygons: the outline along the pixel borders, holes joined to it, corners dropped as far as it is safe."""

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import ndimage

from tagalign.export.polygons.simplifying import ring_areas, simplified
from tagalign.export.polygons.tracing import Outlines, trace

Ring = Float[np.ndarray, "_ 2"]
_TOUCHING = np.ones((3, 3), dtype=bool)


def polygons(mask: Bool[np.ndarray, "height width"], *, tolerance: float = 1.0) -> list[Ring]:
    """One closed ring per connected part of a mask, largest first; ``(x, y)`` of its corners in pixels.

    Corners lie on the borders of pixels, so the mask of the single pixel (0, 0) has the corners (0, 0) and (1, 1).
    A hole is joined to the outline by a cut of no width, because COCO and YOLO know no holes. Corners are dropped
    (Douglas and Peucker) while the ring stays within ``tolerance`` and the area within half a per cent; a part too
    small or too fine for that keeps all.

    Args:
        mask: what to outline; without True pixels there are no rings.
        tolerance: largest distance of a dropped corner, in pixels; 0 keeps the exact outline.
    """
    found = outlines(*ndimage.label(mask, structure=_TOUCHING), tolerance=tolerance)
    order = np.argsort(-np.abs(ring_areas(found)), kind="stable")
    corners = found.corners.astype(np.float64)
    return [corners[found.bounds[i] : found.bounds[i + 1]] for i in order]


def outlines(parts: Int[np.ndarray, "rows cols"], count: int, *, tolerance: float = 1.0) -> Outlines:
    """The rings of ``polygons`` for parts that are numbered already, in the order of their numbers; see ``trace``."""
    exact = trace(parts, count)
    areas = np.bincount(parts.reshape(-1), minlength=count + 1)[1:]
    return simplified(exact, areas, tolerance)


def signed_area(ring: Ring) -> float:
    """Area inside a ring, positive when it runs clockwise on the screen (y down).

    >>> signed_area(np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 3.0], [0.0, 3.0]]))
    6.0
    """
    x, y = ring[:, 0], ring[:, 1]
    return float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2
