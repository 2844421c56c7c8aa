"""Pictures at the size of a screen: shrunk photos, masks with their colours, heat maps."""

import numpy as np
from jaxtyping import Bool, Float
from PIL import Image
from torch import Tensor

from tagalign.apps.page.texts import say
from tagalign.export import drawing
from tagalign.types import Referring

SCREEN_SIDE = 1024
"""Longest side of what is sent to the browser; downloads keep the size of the photo."""
MIN_SIDE = 320
"""Smaller photos are enlarged by whole factors, or nobody could see their masks."""
OPACITY = 0.55

ImageAnnotation = tuple[np.ndarray | tuple[int, int, int, int], str]
"""As gradio names it: a mask (always, here) or a box, and its title."""
AnnotatedImage = tuple[Image.Image, list[ImageAnnotation]]


def screen_size(image: Image.Image) -> tuple[int, int]:
    """Width and height on the screen."""
    longest = max(image.size)
    scale = min(1.0, SCREEN_SIDE / longest) if longest >= MIN_SIDE else -(-MIN_SIDE // longest)
    return max(1, round(image.width * scale)), max(1, round(image.height * scale))


def on_screen(image: Image.Image) -> Image.Image:
    """The photo at the size of the screen."""
    return image.resize(screen_size(image), Image.Resampling.LANCZOS)


def annotated_phrase(image: Image.Image, found: Referring) -> tuple[AnnotatedImage, dict[str, str]]:
    """The photo with the mask and the box of a phrase; the bare photo where nothing was found."""
    shown = on_screen(image)
    if found.box is None:
        return (shown, []), {}
    title, scale = f"{found.phrase}  {found.score:.2f}", shown.width / image.width
    left, top, right, bottom = (round(side * scale) for side in found.box)
    masks = [
        _annotation(found.mask.cpu().numpy(), title, shown.size),
        ((left, top, right, bottom), say("look.region_box")),
    ]
    return (shown, masks), {title: hex_color(1), say("look.region_box"): hex_color(2)}


def _annotation(mask: Bool[np.ndarray, "height width"], title: str, size: tuple[int, int]) -> ImageAnnotation:
    resized = Image.fromarray(mask).resize(size, Image.Resampling.NEAREST)
    return np.asarray(resized).astype(np.float64) * OPACITY, title


def heat_layer(heat: Float[Tensor, "height width"]) -> Image.Image:
    """A heat map at the size of the screen, from dark (0) to bright (1); the page lays it on the photo."""
    values = Image.fromarray(heat.float().cpu().numpy())
    size = screen_size(values)
    return Image.fromarray(drawing.heat_colors(np.asarray(values.resize(size, Image.Resampling.BILINEAR))))


def hex_color(label: int) -> str:
    """The colour of a label as the browser writes it."""
    return "#" + bytes(drawing.label_color(label)).hex()
