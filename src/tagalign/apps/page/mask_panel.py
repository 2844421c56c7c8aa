"""The photo under its masks as one look should tell it: names drawn where they are, a legend that isolates, outlines.

A drawing (SVG) over the photo, so that a browser can show one mask alone, fade all, or say what lies under the pointer;
``panel_script`` moves it, ``panel_style`` colours it.
"""

import base64
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool
from markupsafe import Markup
from PIL import Image
from scipy import ndimage

from tagalign.apps.page.pictures import hex_color, on_screen
from tagalign.export.overlay import percent
from tagalign.export.polygons import polygons
from tagalign.pages.document import joined
from tagalign.types import BACKGROUND, Segmentation

DRAWN_SIDE = 640
"""Longest side of the drawing in its own units; finer outlines cost a browser more than an eye sees."""
NAMED_SHARE = 0.01
"""Of the photo: names of smaller masks are said by the legend and the pointer alone."""
MOST_NAMES = 16
LETTERS_PER_SIDE = 24
"""Height of a name: so many of them would fill the longest side of the photo."""
LETTER = 0.6
"""Width of a letter beside its height, about: names that would lie on each other are left out."""

GridMask = Bool[np.ndarray, "rows cols"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Drawn:
    """One mask of the drawing: all pixels of a label, or one instance.

    Attributes:
        name: of the label.
        color: as the browser writes it.
        mask: at the size of the drawing.
        share: of the photo.
        score: mean of the winning scores inside.
    """

    name: str
    color: str
    mask: GridMask
    share: float
    score: float

    @property
    def words(self) -> str:
        """What is said of it."""
        return f"{self.name} · score {self.score:.2f} · {percent(self.share)} of the photo"


def mask_panel(image: Image.Image, found: Segmentation | None, *, heat: bool = False) -> str:
    """The panel as HTML; the bare photo where a method has no masks.

    Args:
        image: upright RGB.
        found: its label map, with instances where they were asked for.
        heat: offer a button that asks for the heat map of the chosen name (``panel_script``).
    """
    photo = _photo(on_screen(image))
    if found is None:
        return str(Markup('<div class="mask-panel"><div class="mask-stage">{}</div></div>').format(photo))
    masks = list(drawn_masks(found))
    height, width = masks[0].mask.shape if masks else (1, 1)
    size = max(width, height) / LETTERS_PER_SIDE
    body = joined(_mask(one) for one in masks), joined(_names(masks, size, width))
    tools = _tools(heat) if masks else Markup("<p>No mask: every pixel is background.</p>")
    return str(
        Markup(
            '<div class="mask-panel">{tools}<div class="mask-stage">{photo}<svg viewBox="0 0 {width} {height}" '
            'preserveAspectRatio="none" role="img" aria-label="Masks" style="font-size:{size:.2f}px">{body}</svg></div>'
            '<p class="mask-say" aria-live="polite">Point at a mask, or choose a name below to see it alone.</p>'
            '<div class="mask-legend">{legend}</div></div>'
        ).format(
            tools=tools,
            photo=photo,
            width=width,
            height=height,
            size=size,
            body=joined(body),
            legend=joined(_legend(masks)),
        )
    )


def drawn_masks(found: Segmentation) -> Iterator[Drawn]:
    """The masks of a drawing, largest first; ``background`` has none."""
    ids, scores = found.labels.cpu().numpy(), found.scores.float().cpu().numpy()
    if found.instances is not None:
        for one in sorted(found.instances, key=lambda one: -one.area):
            mask = one.mask.numpy()
            yield _drawn(mask, one.name, one.label, float(one.score))
        return
    for name in found.shares():
        if name != BACKGROUND:
            label = found.names.index(name)
            yield _drawn(ids == label, name, label, float(scores[ids == label].mean()))


def _drawn(mask: GridMask, name: str, label: int, score: float) -> Drawn:
    scale = min(1.0, DRAWN_SIDE / max(mask.shape))
    size = max(1, round(mask.shape[1] * scale)), max(1, round(mask.shape[0] * scale))
    small = np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.NEAREST))
    return Drawn(name=name, color=hex_color(label), mask=small, share=float(mask.mean()), score=score)


def _photo(image: Image.Image) -> Markup:
    file = io.BytesIO()
    image.save(file, format="JPEG", quality=88)
    code = base64.b64encode(file.getvalue()).decode("ascii")
    return Markup('<img src="data:image/jpeg;base64,{}" width="{}" height="{}" alt="The photo">').format(
        code, image.width, image.height
    )


def _tools(heat: bool) -> Markup:
    ask = Markup('<button type="button" data-panel="heat" disabled>Heat map of the chosen name</button>')
    return Markup(
        '<div class="mask-tools"><label>Opacity <input type="range" min="0" max="100" value="55" data-panel="opacity">'
        '</label><label><input type="checkbox" data-panel="outline"> Outline only</label>'
        '<label><input type="checkbox" data-panel="names" checked> Names</label>{}</div>'
    ).format(ask if heat else "")


def _mask(one: Drawn) -> Markup:
    return Markup(
        '<g data-label="{}" data-say="{}" style="--mask:{}"><path class="fill" d="{}"/><path class="edge" d="{}"/></g>'
    ).format(one.name, one.words, one.color, _area(one.mask), _border(one.mask))


def _area(mask: GridMask) -> str:
    """What is filled, exactly along the pixels."""
    rings = polygons(mask, tolerance=0.0)
    return "".join("M" + "L".join(f"{x:g} {y:g}" for x, y in ring) + "Z" for ring in rings)


def _border(mask: GridMask) -> str:
    """The lines between inside and outside, holes as well; a ring has cuts to its holes, which nobody wants to see."""
    padded = np.pad(mask, 1)
    level, upright = padded[1:, 1:-1] != padded[:-1, 1:-1], padded[1:-1, 1:] != padded[1:-1, :-1]
    rows = (f"M{start} {y}H{end}" for y, start, end in _runs(level))
    return "".join([*rows, *(f"M{x} {start}V{end}" for x, start, end in _runs(upright.T))])


def _runs(lines: Bool[np.ndarray, "lines places"]) -> Iterator[tuple[int, int, int]]:
    """Line, first place and one past the last of every run of True."""
    steps = np.diff(np.pad(lines, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    at, starts = np.nonzero(steps == 1)
    ends = np.nonzero(steps == -1)[1]
    yield from zip(at.tolist(), starts.tolist(), ends.tolist(), strict=True)


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
        yield Markup('<text data-label="{}" x="{:.1f}" y="{:.1f}">{}</text>').format(
            one.name, x, y + size / 3, one.name
        )


def _middle(mask: GridMask) -> tuple[float, float]:
    """The place deepest inside."""
    depth = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    row, column = np.unravel_index(int(depth.argmax()), mask.shape)
    return float(column) + 0.5, float(row) + 0.5


def _legend(masks: Sequence[Drawn]) -> Iterator[Markup]:
    """One entry per label, largest first."""
    by_name: dict[str, list[Drawn]] = {}
    for one in masks:
        by_name.setdefault(one.name, []).append(one)
    for name, parts in sorted(by_name.items(), key=lambda item: -sum(one.share for one in item[1])):
        share = sum(one.share for one in parts)
        score = sum(one.share * one.score for one in parts) / share
        times = f" × {len(parts)}" if len(parts) > 1 else ""
        yield Markup(
            '<button type="button" data-label="{0}" data-say="{1}" aria-pressed="false"><i style="background:{2}"></i>'
            "{0}{3} {4}</button>"
        ).format(
            name,
            f"{name}{times} · score {score:.2f} · {percent(share)} of the photo",
            parts[0].color,
            times,
            percent(share),
        )
