"""Drawings as SVG text, which stand alone as files and inside pages; lines and letters take the colour of the page's ink."""

from collections.abc import Iterable, Sequence

from markupsafe import Markup

from tagalign.pages.document import joined

BAR, HEIGHT = 6, 24
"""Of a histogram in a line of a table, pixels: width of a bar with its gap, height of the tallest."""

_SVG = Markup(
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
    'font-family="Helvetica, Arial, sans-serif" fill="currentColor"><title>{title}</title>{parts}</svg>'
)


def svg(size: tuple[int, int], title: str, parts: Iterable[Markup]) -> Markup:
    """A drawing of ``(height, width)`` pixels; the title is what a screen reader says."""
    height, width = size
    return _SVG.format(width=width, height=height, title=title, parts=joined(parts))


def histogram(counts: Sequence[int]) -> Markup:
    """Bars of logarithmic height: most scores of most labels are near 0, and the rest is what one wants to see."""
    heights = [count.bit_length() for count in counts]
    top = max(heights, default=0) or 1
    bars = (
        Markup('<rect x="{}" y="{:.1f}" width="{}" height="{:.1f}"/>').format(
            BAR * i, HEIGHT * (1 - h / top), BAR - 1, HEIGHT * h / top
        )
        for i, h in enumerate(heights)
        if h
    )
    return svg((HEIGHT, BAR * len(counts)), "histogram", bars)


Number = int | float


def text(
    x: Number, y: Number, words: object, *, size: Number = 11, anchor: str = "middle", faint: bool = False
) -> Markup:
    """Words at a point: their baseline, and their ``start``, ``middle`` or ``end``."""
    pale = Markup(' opacity="0.65"') if faint else ""
    return Markup('<text x="{:.1f}" y="{:.1f}" font-size="{:.1f}" text-anchor="{}"{}>{}</text>').format(
        x, y, size, anchor, pale, words
    )
