"""Pictures for people: a photo under its masks, a heat map or the region of a phrase, legend outside it."""

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8
from PIL import Image, ImageDraw
from torch import Tensor

from tagalign.errors import InputError
from tagalign.export import drawing
from tagalign.types import Referring, Segmentation

BACKGROUND = "background"
MIN_SIDE = 384  # smaller photos are enlarged, or the legend would dwarf them
MAX_CHIPS = 24
REFERRING_COLOR = drawing.FIRST_COLORS[0]

RgbPixels = UInt8[np.ndarray, "height width 3"]
Labels = Int[np.ndarray, "height width"]


def overlay(
    image: Image.Image,
    segmentation: Segmentation,
    *,
    opacity: float = 0.5,
    only: frozenset[str] | None = None,
) -> Image.Image:
    """The photo with a colour per label, light edges between them, and a legend with names and shares below.

    Args:
        image: the photo the masks belong to.
        segmentation: its labels, at the photo's size; a label called ``background`` stays uncoloured.
        opacity: of the colours, in [0, 1].
        only: names to colour; all by default.

    Returns:
        A larger picture: small photos are enlarged to 384 pixels, and the legend lies outside the photo. It
        lists the 24 largest labels and counts the rest.

    Raises:
        InputError: if the sizes differ.
    """
    _refuse_other_size(image, tuple(segmentation.labels.shape))
    scale = _scale(image)
    labels = _enlarge(segmentation.labels.cpu().numpy(), scale)
    coloured = np.array([_is_coloured(name, only) for name in segmentation.names], dtype=bool)
    colors = np.array([drawing.label_color(i) for i in range(len(coloured))], dtype=np.uint8).reshape(-1, 3)
    tinted = _tint(_enlarged_pixels(image, scale), colors[labels], coloured[labels], opacity)
    tinted[edges(labels) | edges(_enlarge(_numbers(segmentation), scale))] = 255
    return _with_legend(tinted, _legend(segmentation, coloured, only))


def _numbers(segmentation: Segmentation) -> Labels:
    """The instance of each pixel, from 1: two of one label that touch get an edge between them."""
    numbers = np.zeros(tuple(segmentation.labels.shape), dtype=np.int32)
    for number, one in enumerate(segmentation.instances or (), start=1):
        left, top, right, bottom = one.box
        numbers[top:bottom, left:right][one.inside.cpu().numpy()] = number
    return numbers


def _is_coloured(name: str, only: frozenset[str] | None) -> bool:
    return name != BACKGROUND and (only is None or name in only)


def _legend(
    segmentation: Segmentation, coloured: np.ndarray, only: frozenset[str] | None
) -> list[drawing.Chip]:
    ids = {name: i for i, name in reversed(list(enumerate(segmentation.names)))}
    shares = [(name, share) for name, share in segmentation.shares().items() if only is None or name in only]
    chips = [
        drawing.Chip(
            drawing.label_color(ids[name]) if coloured[ids[name]] else None,
            drawing.drawn_words(name, f"label {ids[name]}"),
            percent(share),
        )
        for name, share in shares[:MAX_CHIPS]
    ]
    if len(shares) > MAX_CHIPS:
        chips.append(drawing.Chip(drawing.PAPER, f"and {len(shares) - MAX_CHIPS} more"))
    return chips


def percent(share: float) -> str:
    """A share in [0, 1] as people write it: ``34 %``, and ``<1 %`` for the very small."""
    return "<1 %" if 0 < share < 0.01 else f"{100 * share:.0f} %"


def heat_overlay(
    image: Image.Image, heat: Float[Tensor, "height width"], title: str, *, opacity: float = 0.65
) -> Image.Image:
    """The photo in grey under a heat map from dark (0) to bright (1), with its title and scale below.

    Args:
        image: the photo.
        heat: in [0, 1], at the photo's size; values outside are clipped.
        title: what is hot: a label or a phrase.
        opacity: of the heat map, in [0, 1].

    Raises:
        InputError: if the sizes differ.
    """
    _refuse_other_size(image, tuple(heat.shape))
    scale = _scale(image)
    warm = Image.fromarray(drawing.heat_colors(heat.float().cpu().numpy())).resize(
        (image.width * scale, image.height * scale), Image.Resampling.BILINEAR
    )
    grey = _enlarged_pixels(image.convert("L").convert("RGB"), scale)
    mixed = Image.blend(Image.fromarray(grey), warm, opacity)
    size = _font_size(mixed)
    title = drawing.drawn_words(title, ascii(title)[1:-1])
    return drawing.framed(mixed, [_heat_bar(title, max(mixed.width, MIN_SIDE), size)], size)


def _heat_bar(title: str, width: int, size: int) -> Image.Image:
    """Title on the left, ``0 [dark ... bright] 1`` on the right."""
    strip = Image.new("RGB", (width, round(size * 1.7)), drawing.PAPER)
    draw, middle, bar = ImageDraw.Draw(strip), strip.height // 2, min(8 * size, width // 3)
    drawing.draw_text(draw, (0, middle), drawing.shorten(title, size, width - bar - 3 * size), size)
    left = width - bar - size
    ramp = np.broadcast_to(np.linspace(0, 1, bar), (max(1, size * 3 // 4), bar))
    strip.paste(Image.fromarray(drawing.heat_colors(ramp)), (left, middle - size * 3 // 8))
    drawing.draw_text(draw, (left - size, middle), "0", size, drawing.FAINT)
    drawing.draw_text(draw, (width - size * 2 // 3, middle), "1", size, drawing.FAINT)
    return strip


def referring_overlay(image: Image.Image, referring: Referring, *, opacity: float = 0.5) -> Image.Image:
    """The photo with the region of a phrase coloured, its box drawn, and the phrase with its score below.

    Raises:
        InputError: if the sizes differ.
    """
    _refuse_other_size(image, tuple(referring.mask.shape))
    scale = _scale(image)
    mask = _enlarge(referring.mask.cpu().numpy(), scale)
    color = np.array(REFERRING_COLOR, dtype=np.uint8)
    picture = Image.fromarray(_tint(_enlarged_pixels(image, scale), color, mask, opacity))
    if referring.box is not None:
        _draw_box(picture, [side * scale for side in referring.box])
    words = drawing.drawn_words(referring.phrase, ascii(referring.phrase)[1:-1])
    note = f"{referring.score:.2f}" if referring.box is not None else "nothing found"
    return _with_legend(np.asarray(picture), [drawing.Chip(REFERRING_COLOR, words, note)])


def _draw_box(picture: Image.Image, box: list[int]) -> None:
    line = max(2, min(picture.size) // 160)
    left, top, right, bottom = box
    draw = ImageDraw.Draw(picture)
    # dark under light, so that the box shows on any photo
    draw.rectangle((left, top, right - 1, bottom - 1), outline=drawing.INK, width=line + 2)
    if right - left > 2 and bottom - top > 2:  # a thinner box has no inside
        draw.rectangle((left + 1, top + 1, right - 2, bottom - 2), outline=drawing.PAPER, width=line)


def edges(labels: Labels | Bool[np.ndarray, "height width"]) -> Bool[np.ndarray, "height width"]:
    """Pixels whose right or lower neighbour has another label."""
    border = np.zeros(labels.shape, dtype=bool)
    border[:, :-1] |= labels[:, :-1] != labels[:, 1:]
    border[:-1] |= labels[:-1] != labels[1:]
    return border


def _tint(pixels: RgbPixels, colors: np.ndarray, where: np.ndarray, opacity: float) -> RgbPixels:
    mixed = pixels * np.float32(1 - opacity) + colors * np.float32(opacity)
    return np.where(where[..., None], mixed.round().astype(np.uint8), pixels)


def _with_legend(pixels: RgbPixels, chips: list[drawing.Chip]) -> Image.Image:
    picture = Image.fromarray(pixels)
    size = _font_size(picture)
    return drawing.framed(picture, [drawing.chip_strip(chips, max(picture.width, MIN_SIDE), size)], size)


def _font_size(picture: Image.Image) -> int:
    """Readable when the picture is shown at the width of a page or a phone."""
    return max(13, round(max(picture.width, MIN_SIDE) / 36))


def _scale(image: Image.Image) -> int:
    return max(1, round(MIN_SIDE / max(image.size)))


def _enlarged_pixels(image: Image.Image, scale: int) -> RgbPixels:
    larger = image.convert("RGB").resize(
        (image.width * scale, image.height * scale), Image.Resampling.BICUBIC
    )
    return np.asarray(larger)


def _enlarge(values: np.ndarray, scale: int) -> np.ndarray:
    return values.repeat(scale, axis=0).repeat(scale, axis=1)


def _refuse_other_size(image: Image.Image, size: tuple[int, ...]) -> None:
    if (image.height, image.width) != size:
        raise InputError(
            f"the image is {image.height} x {image.width} pixels (height x width), "
            f"its result {size[0]} x {size[1]}; encode this image again"
        )
