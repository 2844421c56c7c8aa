"""Pictures inside a page: as ``data:`` URIs, in figures and galleries."""

import base64
import io
from collections.abc import Iterable, Sequence

from markupsafe import Markup
from PIL import Image

from tagalign.pages.document import joined

JPEG_QUALITY = 82
"""Pictures of a gallery are looked at, not measured: the page stays small."""


def data_uri(picture: Image.Image, *, max_side: int | None = None, exact: bool = False) -> str:
    """A picture as text that a page can hold.

    Args:
        picture: of any mode.
        max_side: longest side in pixels; larger pictures are shrunk, smaller ones stay.
        exact: as PNG, for drawn scenes and label maps; else as JPEG.
    """
    if max_side is not None and max(picture.size) > max_side:
        picture = picture.copy()
        picture.thumbnail((max_side, max_side))
    buffer = io.BytesIO()
    if exact:
        picture.save(buffer, format="PNG")
    else:
        picture.convert("RGB").save(buffer, format="JPEG", quality=JPEG_QUALITY)
    kind = "png" if exact else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"


def figure(source: str, caption: object, *, alt: str = "") -> Markup:
    """A picture and what one sees on it; without a source the words alone."""
    image = Markup('<img src="{}" alt="{}" loading="lazy">').format(source, alt) if source else ""
    return Markup("<figure>{}<figcaption>{}</figcaption></figure>\n").format(image, caption)


def gallery(figures: Iterable[Markup], *, kind: str = "small") -> Markup:
    """Figures in a grid: ``small`` thumbnails, ``tiny`` drawn scenes in a row of methods, ``large`` one a line."""
    return Markup('<div class="gallery {}">{}</div>\n').format(kind, joined(figures))


def legend(names: Sequence[tuple[str, tuple[int, int, int]]]) -> Markup:
    """Names and their colours, as red, green and blue in [0, 255]."""
    chips = (
        Markup('<span class="key"><i style="background:rgb({},{},{})"></i>{}</span>').format(*color, name)
        for name, color in names
    )
    return Markup('<p class="legend">{}</p>\n').format(joined(chips))
