"""Pictures of a vocabulary as SVG text: the frequency curve (paper, Fig. 5) and the tag cloud (paper, Fig. 4)."""

import html
import math
from collections.abc import Callable, Sequence

from tagalign.tags.vocabulary import TagVocabulary

_COLORS = {"object": "#2563a8", "attribute": "#c2571a", "scene": "#2f855a", "action": "#7b3fa0"}
_Scale = Callable[[float], float]
_FONT = "font-family='Helvetica, Arial, sans-serif'"


def frequency_svg(vocabulary: TagVocabulary, *, size: tuple[int, int] = (320, 520)) -> str:
    """Count over rank, both logarithmic, one curve per kind.

    Args:
        vocabulary: may be empty.
        size: (height, width) in pixels.
    """
    height, width = size
    left, right, top, bottom = 52, 16, 16, 40
    most, longest = max(vocabulary.counts, default=1), max(len(vocabulary), 2)

    def x(rank: float) -> float:
        return left + (width - left - right) * math.log10(rank) / math.log10(longest)

    def y(count: float) -> float:
        share = math.log10(max(count, 1)) / max(math.log10(max(most, 2)), 1e-9)
        return height - bottom - (height - top - bottom) * share

    parts = [_axis(x, y, longest, most, height - bottom, left, width - right)]
    for row, kind in enumerate(dict.fromkeys(vocabulary.kinds)):
        counts = [n for n, k in zip(vocabulary.counts, vocabulary.kinds, strict=True) if k == kind]
        counts.sort(reverse=True)
        points = " ".join(f"{x(rank):.1f},{y(counts[rank - 1]):.1f}" for rank in _log_steps(len(counts)))
        parts.append(f"<polyline fill='none' stroke='{_COLORS[kind]}' stroke-width='2' points='{points}'/>")
        parts.append(
            f"<text x='{width - right - 8}' y='{top + 14 + 16 * row}' text-anchor='end' font-size='12' "
            f"fill='{_COLORS[kind]}'>{kind} tags ({len(counts)})</text>"
        )
    return _svg(height, width, parts, "Frequency of tags by rank")


def _log_steps(count: int) -> list[int]:
    """Ranks 1 .. count, at most a few hundred, evenly spread on a logarithmic axis."""
    steps = {round(math.exp(i / 200 * math.log(max(count, 1)))) for i in range(201)}
    return sorted(step for step in steps if 1 <= step <= count)


def _axis(x: _Scale, y: _Scale, longest: int, most: int, base: float, left: float, right: float) -> str:
    ticks = [
        f"<text x='{x(10**e):.1f}' y='{base + 16}' font-size='11' text-anchor='middle' fill='#555'>{10**e:,}</text>"
        for e in range(int(math.log10(longest)) + 1)
    ]
    ticks += [
        f"<text x='{left - 6}' y='{y(10**e) + 4:.1f}' font-size='11' text-anchor='end' fill='#555'>{_short(10**e)}</text>"
        for e in range(int(math.log10(max(most, 1))) + 1)
    ]
    frame = f"<path d='M{left} 16 V{base} H{right}' fill='none' stroke='#999'/>"
    names = (
        f"<text x='{(left + right) / 2}' y='{base + 33}' font-size='12' text-anchor='middle' "
        f"fill='#333'>rank of the tag</text>"
        f"<text x='14' y='{base / 2}' font-size='12' fill='#333' text-anchor='middle' "
        f"transform='rotate(-90 14 {base / 2})'>captions</text>"
    )
    return frame + "".join(ticks) + names


def _short(number: int) -> str:
    for size, letter in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if number >= size:
            return f"{number // size}{letter}"
    return str(number)


def cloud_svg(
    vocabulary: TagVocabulary,
    *,
    kinds: Sequence[str] = ("object", "attribute"),
    tags: int = 60,
    size: tuple[int, int] = (320, 520),
) -> str:
    """The most frequent tags, larger where they are more frequent, one block per kind.

    Args:
        vocabulary: may be empty.
        kinds: which blocks, side by side.
        tags: at most this many in a block.
        size: (height, width) of a block, in pixels.
    """
    height, width = size
    parts = list[str]()
    for block, kind in enumerate(kinds):
        ranked = sorted(
            (
                (n, name)
                for n, name, k in zip(vocabulary.counts, vocabulary.names, vocabulary.kinds, strict=True)
                if k == kind
            ),
            key=lambda item: (-item[0], item[1]),
        )[:tags]
        parts.append(f"<g transform='translate({block * width} 0)' fill='{_COLORS[kind]}'>")
        parts += [
            f"<text x='{x:.0f}' y='{y:.0f}' font-size='{font:.1f}' text-anchor='middle'>{html.escape(name)}</text>"
            for name, x, y, font in _place(ranked, height, width)
        ]
        parts.append("</g>")
    return _svg(height, width * max(len(kinds), 1), parts, "The most frequent tags")


def _place(
    ranked: Sequence[tuple[int, str]], height: int, width: int
) -> list[tuple[str, float, float, float]]:
    """Positions on a spiral from the middle, no two words over each other; what finds no place is left out."""
    placed = list[tuple[str, float, float, float]]()
    boxes = list[tuple[float, float, float, float]]()
    most = ranked[0][0] if ranked else 1
    for count, name in ranked:
        font = 11 + 31 * math.sqrt(count / most)
        half_w, half_h = 0.30 * font * len(name) + 2, 0.55 * font
        for step in range(900):
            angle, radius = step * 0.35, step * 0.32
            cx, cy = width / 2 + 1.5 * radius * math.cos(angle), height / 2 + radius * math.sin(angle)
            box = (cx - half_w, cy - half_h, cx + half_w, cy + half_h)
            if box[0] < 0 or box[1] < 0 or box[2] > width or box[3] > height:
                continue
            if not any(box[0] < b[2] and b[0] < box[2] and box[1] < b[3] and b[1] < box[3] for b in boxes):
                boxes.append(box)
                placed.append((name, cx, cy + 0.35 * font, font))
                break
    return placed


def _svg(height: int, width: int, parts: Sequence[str], title: str) -> str:
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}' width='{width}' height='{height}' {_FONT}>"
        f"<title>{title}</title>{''.join(parts)}</svg>"
    )
