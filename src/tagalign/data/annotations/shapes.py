"""What can be drawn by hand, as masks: turned rectangles and ellipses as polygons, Label Studio's brush, CVAT's runs."""

import math
from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Float, Int, UInt8

from tagalign.backbones.preprocess import MAX_PIXELS
from tagalign.data.annotations.records import MarkedMask
from tagalign.errors import DataError
from tagalign.labels import Size

Ring = Float[np.ndarray, "_ 2"]
CHANNELS = 4
SAME_BITS, WIDTH_BITS = 1, 2


def check_size(size: Size) -> Size:
    """Refuse a size that no photo has.

    Raises:
        DataError: below one pixel, or above the most that are opened.
    """
    if min(size) < 1 or size[0] * size[1] > MAX_PIXELS:
        raise DataError(
            f"expected a size from 1 pixel to {MAX_PIXELS:,} pixels, got {size[0]} x {size[1]} (height x width)"
        )
    return size


@np.errstate(invalid="ignore", over="ignore")  # numbers without an end are refused as corners
def turned(corners: Ring, degrees: float, around: tuple[float, float]) -> Ring:
    """Corners turned clockwise on the screen (y down)."""
    angle = math.radians(degrees)
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    middle = np.array(around)
    return np.asarray((corners - middle) @ turn + middle)


def rectangle(left: float, top: float, right: float, bottom: float) -> Ring:
    """The four corners, from the upper left one clockwise."""
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], dtype=np.float64)


@np.errstate(invalid="ignore", over="ignore")  # numbers without an end are refused as corners
def ellipse(middle: tuple[float, float], radii: tuple[float, float]) -> Ring:
    """Corners of an ellipse, about one a pixel, at least 32 and at most 2,048."""
    count = int(np.clip(2 * math.pi * max(radii), 32, 2048))
    angles = np.arange(count) * 2 * math.pi / count
    return np.stack([middle[0] + radii[0] * np.cos(angles), middle[1] + radii[1] * np.sin(angles)], axis=1)


def box_around(corners: Ring) -> tuple[float, float, float, float]:
    """XYXY around corners."""
    (left, top), (right, bottom) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
    return left, top, right, bottom


def runs_in_box(runs: Sequence[int], place: tuple[int, int, int, int], size: Size) -> MarkedMask:
    """CVAT's mask: run lengths along the rows of a box, the first of cells outside.

    Args:
        runs: of cells outside and inside in turns.
        place: left, top, width and height of the box, in pixels.
        size: of the photo.

    Raises:
        DataError: if the box leaves the photo, or the runs do not fill it.
    """
    left, top, width, height = place
    if left < 0 or top < 0 or width < 1 or height < 1 or left + width > size[1] or top + height > size[0]:
        raise DataError(f"a mask of {width} x {height} pixels at ({left}, {top}) lies outside of the photo")
    if min(runs, default=0) < 0 or sum(runs) != width * height:
        raise DataError(
            f"expected run lengths that fill {width} x {height} = {width * height} cells, got a sum of {sum(runs)}"
        )
    mask = np.zeros(size, dtype=bool)
    cells = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    mask[top : top + height, left : left + width] = cells.reshape(height, width)
    return mask


# --- Label Studio's brush -------------------------------------------------------------------------------------------


def mask_of_brush(code: Sequence[int], size: Size) -> MarkedMask:
    """Label Studio's run-length code of red, green, blue and opacity: what is not wholly transparent is painted.

    See ``export.label_studio.brush_rle`` for the stream of bits.

    Raises:
        DataError: if it is no such code, ends early, or holds another number of values than the photo has.
    """
    cells = size[0] * size[1] * CHANNELS
    try:
        bits = np.unpackbits(np.frombuffer(bytes(code), dtype=np.uint8))
    except (TypeError, ValueError) as error:
        raise DataError(f"expected the bytes of a brush stroke ({error})") from error
    values = np.zeros(cells, dtype=np.uint8)
    place = 0
    for run in _brush_runs(bits, cells):
        values[place : place + len(run)] = run
        place += len(run)
    return np.asarray(values.reshape(*size, CHANNELS)[:, :, CHANNELS - 1] > 0)


def _brush_runs(bits: UInt8[np.ndarray, " bits"], cells: int) -> Iterator[UInt8[np.ndarray, " run"]]:
    """The values, run by run, exactly as many as there are cells."""
    stream = _Bits(bits)
    count, word = stream.number(32), stream.number(5) + 1
    if count != cells:
        raise DataError(
            f"a brush stroke holds {count:,} values, its photo has {cells:,} ({CHANNELS} a pixel)"
        )
    if word > 8:
        raise DataError(f"a brush stroke has values of {word} bits; at most 8 are read")
    sizes = [stream.number(4) + 1 for _ in range(4)]
    done = 0
    while done < cells:
        is_same = stream.number(SAME_BITS)
        length = stream.number(sizes[stream.number(WIDTH_BITS)]) + 1
        if done + length > cells:
            raise DataError("a brush stroke goes on behind the last pixel; its code is damaged")
        done += length
        if is_same:
            yield np.full(length, stream.number(word), dtype=np.uint8)
        else:
            yield stream.numbers(length, word)


class _Bits:
    """A stream of bits, the highest of each byte first."""

    def __init__(self, bits: UInt8[np.ndarray, " bits"]) -> None:
        self._text = (bits + ord("0")).astype(np.uint8).tobytes()
        self._bits, self._place = bits, 0

    def number(self, width: int) -> int:
        """The next ``width`` bits as a number."""
        end = self._advance(width)
        return int(self._text[end - width : end], 2)

    def numbers(self, count: int, width: int) -> UInt8[np.ndarray, " count"]:
        """``count`` numbers of up to eight bits."""
        end = self._advance(count * width)
        rows: Int[np.ndarray, "count width"] = self._bits[end - count * width : end].reshape(count, width)
        return np.asarray(rows @ (1 << np.arange(width)[::-1])).astype(np.uint8)

    def _advance(self, width: int) -> int:
        self._place += width
        if self._place > len(self._text):
            raise DataError("a brush stroke ends in the middle; its code was cut off")
        return self._place
