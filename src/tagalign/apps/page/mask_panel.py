"""The photo under its masks as one look should tell it: names drawn where they are, a legend that isolates, outlines.

A drawing (SVG) over the photo, so that a browser can show one mask alone, fade all, smooth or enlarge them, or say what lies
under the pointer; ``static/panel.js`` moves it, ``static/panel.css`` colours it.
"""

import base64
import io
from collections.abc import Iterator, Sequence

import numpy as np
from markupsafe import Markup
from PIL import Image
from scipy import ndimage

from tagalign.apps.page.drawn import Drawn, GridMask, drawn_masks, mask_words
from tagalign.apps.page.pictures import on_screen
from tagalign.apps.page.rings import border_path
from tagalign.apps.page.texts import say
from tagalign.export.overlay import percent
from tagalign.pages.document import joined
from tagalign.types import Segmentation

NAMED_SHARE = 0.01
"""Of the photo: names of smaller masks are said by the legend and the pointer alone."""
MOST_NAMES = 16
LETTERS_PER_SIDE = 24
"""Height of a name: so many of them would fill the longest side of the photo."""
LETTER = 0.7
"""Width of a bold letter beside its height, about: names stay inside the photo, and none lies on another."""

_PANEL = Markup(
    '<div class="mask-panel" data-count="{count}">{none}<div class="mask-stage" tabindex="0" role="group" '
    'aria-label="{stage}"><div class="mask-canvas">{photo}<svg viewBox="0 0 {width} {height}" '
    'preserveAspectRatio="none" role="img" aria-label="{masks}" style="font-size:{size:.2f}px">{body}</svg></div></div>'
    '<p class="mask-say" aria-live="polite">{hint}</p>'
    '<div class="mask-legend" role="group" aria-label="{legend_name}">{legend}</div>{tools}</div>'
)
_SLIDER = Markup(
    '<label>{} <input type="range" min="0" max="{}" step="{}" value="{}" data-panel="{}">{}</label>'
)
_BOX = Markup('<label><input type="checkbox" data-panel="{}"{}> {}</label>')
_BUTTON = Markup('<button type="button" data-panel="{}"{}>{}</button>')
_BARE = Markup(
    '<div class="mask-panel"><div class="mask-stage"><div class="mask-canvas">{}</div></div></div>'
)


def mask_panel(image: Image.Image, found: Segmentation | None, *, heat: bool = False) -> str:
    """The panel as HTML; the bare photo where a method has no masks.

    Args:
        image: upright RGB.
        found: its label map, with instances where they were asked for.
        heat: offer a button that asks for the heat map of the chosen name (``static/panel.js``).
    """
    if found is None:
        return str(_BARE.format(picture(on_screen(image), alt=say("masks.photo"))))
    return panel_of(image, list(drawn_masks(found)), heat=heat)


def panel_of(image: Image.Image, masks: Sequence[Drawn], *, heat: bool = False, none: str = "") -> str:
    """The panel of some masks, drawn in this order.

    Args:
        image: upright RGB.
        masks: of one size.
        heat: as of ``mask_panel``.
        none: what is said where there is no mask; that all is background by default.
    """
    photo = picture(on_screen(image), alt=say("masks.photo"))
    height, width = masks[0].mask.shape if masks else (1, 1)
    size = max(width, height) / LETTERS_PER_SIDE
    body = joined(_mask(one) for one in masks), joined(_names(masks, size, width))
    return str(
        _PANEL.format(
            count=say("masks.count"),
            none=Markup() if masks else Markup("<p>{}</p>").format(none or say("masks.none")),
            tools=_tools(heat) if masks else "",
            stage=say("masks.stage"),
            photo=photo,
            masks=say("masks.title"),
            width=width,
            height=height,
            size=size,
            body=joined(body),
            hint=say("masks.hint") if masks else "",
            legend_name=say("masks.legend"),
            legend=joined(_legend(masks)),
        )
    )


def picture(image: Image.Image, *, alt: str, **attributes: str) -> Markup:
    """A picture that holds its own bytes."""
    file = io.BytesIO()
    image.save(file, format="JPEG", quality=88)
    code = base64.b64encode(file.getvalue()).decode("ascii")
    more = joined(Markup(' {}="{}"').format(name, value) for name, value in attributes.items())
    return Markup('<img src="data:image/jpeg;base64,{}" width="{}" height="{}" alt="{}"{}>').format(
        code, image.width, image.height, alt, more
    )


def _tools(heat: bool) -> Markup:
    asked = _BUTTON.format("heat", Markup(' disabled aria-pressed="false"'), say("masks.heat"))
    steps = [
        _BUTTON.format("zoom-out", _titled("masks.zoom_out"), "−"),
        _BUTTON.format("zoom-whole", _titled("masks.zoom_whole"), "100 %"),
        _BUTTON.format("zoom-in", _titled("masks.zoom_in"), "+"),
    ]
    return Markup('<div class="mask-tools">{}</div>').format(
        joined(
            [
                _SLIDER.format(say("masks.opacity"), 100, 1, 55, "opacity", ""),
                _SLIDER.format(say("masks.least"), 1, 0.01, 0, "least", Markup("<output>0.00</output>")),
                _BOX.format("outline", "", say("masks.outline")),
                _BOX.format("smooth", "", say("masks.smooth")),
                _BOX.format("names", Markup(" checked"), say("masks.names")),
                Markup('<span class="mask-zoom" role="group" aria-label="{}">{}</span>').format(
                    say("masks.zoom"), joined(steps)
                ),
                _BUTTON.format("whole", Markup(" disabled"), say("masks.all")),
                asked if heat else "",
            ]
        )
    )


def _titled(key: str) -> Markup:
    return Markup(' title="{0}" aria-label="{0}"').format(say(key))


def _mask(one: Drawn) -> Markup:
    path = border_path(one.mask)
    return Markup(
        '<g data-label="{}" data-score="{:.4f}" data-say="{}" style="--mask:{}"><path class="fill" d="{}"/>'
        '<path class="edge" d="{}"/></g>'
    ).format(one.name, one.rank, one.words, one.color, path, path)


def _names(masks: Sequence[Drawn], size: float, width: int) -> Iterator[Markup]:
    """A name in the middle of each larger mask, as far as names do not lie on each other."""
    taken: list[tuple[float, float, float]] = []
    for one in masks:
        if one.share < NAMED_SHARE or len(taken) == MOST_NAMES:
            continue
        x, y = _middle(one.mask)
        half = LETTER * size * len(one.name) / 2
        x = min(max(x, half), max(width - half, half))
        if any(
            abs(y - other) < size * 1.1 and abs(x - middle) < half + rest for middle, other, rest in taken
        ):
            continue
        taken.append((x, y, half))
        yield Markup('<text data-label="{}" data-score="{:.4f}" x="{:.1f}" y="{:.1f}">{}</text>').format(
            one.name, one.rank, x, y + size / 3, one.name
        )


def _middle(mask: GridMask) -> tuple[float, float]:
    """The place deepest inside."""
    depth = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    row, column = np.unravel_index(int(depth.argmax()), mask.shape)
    return float(column) + 0.5, float(row) + 0.5


def _legend(masks: Sequence[Drawn]) -> Iterator[Markup]:
    """One entry per label, largest first; the score of its best mask decides whether the slider leaves it."""
    by_name: dict[str, list[Drawn]] = {}
    for one in masks:
        by_name.setdefault(one.name, []).append(one)
    for name, parts in sorted(by_name.items(), key=lambda item: -sum(one.share for one in item[1])):
        share = sum(one.share for one in parts)
        scores = [one.share * one.score for one in parts if one.score is not None]
        score = sum(scores) / share if len(scores) == len(parts) else None
        times = f" × {len(parts)}" if len(parts) > 1 else ""
        yield Markup(
            '<button type="button" data-label="{0}" data-score="{5:.4f}" data-say="{1}" aria-pressed="false">'
            '<i style="background:{2}"></i>{0}{3} <small>{4}</small></button>'
        ).format(
            name,
            mask_words(f"{name}{times}", score, share),
            parts[0].color,
            times,
            percent(share),
            max(one.rank for one in parts),
        )
