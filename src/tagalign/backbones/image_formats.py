"""Which files are taken for photos: the one list of endings, made from what Pillow reads on this machine."""

import importlib.util
import struct
import zlib
from functools import cache

from PIL import Image, features

PHOTO_FORMATS = frozenset(
    {"AVIF", "BMP", "DIB", "GIF", "HEIF", "JPEG", "JPEG2000", "MPO", "PNG", "PPM"}
) | frozenset({"PSD", "QOI", "TGA", "TIFF", "WEBP"})
"""Of the formats that Pillow knows, those that hold photos; the others are icons, vectors (which start another
program), movies and data."""

DAMAGED: tuple[type[Exception], ...] = (
    *(
        ArithmeticError,
        AttributeError,
        EOFError,
        LookupError,
        MemoryError,
        OSError,
        RuntimeError,
        SyntaxError,
    ),
    *(TypeError, ValueError, struct.error, zlib.error, Image.DecompressionBombError),
)
"""What Pillow's readers raise of files that are damaged or no picture: one byte in the wrong place ends in any of them."""


@cache
def image_suffixes() -> frozenset[str]:
    """Endings that are taken for photos where a folder or a tar is searched, lower case, with their dot.

    Without ``pillow-heif`` (``pip install pillow-heif``) there is no ``.heic``, without Pillow's AVIF no ``.avif``.
    """
    register_plugins()
    missing = set() if features.check("avif") else {"AVIF"}
    found = Image.registered_extensions().items()
    readable = (PHOTO_FORMATS - missing) & {*Image.OPEN, "MPO"}  # which the reader of JPEG opens
    return frozenset(suffix.lower() for suffix, kind in found if kind in readable)


@cache
def register_plugins() -> None:
    """Let Pillow open what plugins of this machine add; nothing where there is none."""
    if importlib.util.find_spec("pillow_heif") is not None:
        import pillow_heif

        pillow_heif.register_heif_opener()
