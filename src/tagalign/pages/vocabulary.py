"""Pictures of a vocabulary: the frequency curve (paper, Fig. 5) and the tag cloud (paper, Fig. 4)."""

import math
from collections.abc import Callable, Sequence

from markupsafe import Markup

from tagalign.pages.drawings import Number, svg, text
from tagalign.tags.vocabulary import TagVocabulary

_COLORS = {"object": "#3f83cf", "attribute": "#d2691e", "scene": "#2f9a62", "action": "#9558c0"}
"""Of the kinds; of a brightness that is read on white paper and on a dark screen."""

_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 16, 16, 40
"""Margins of the curve, pixels."""

_Scale = Callable[[Number], float]


def frequency_svg(vocabulary: TagVocabulary, *, size: tuple[int, int] = (320, 520)) -> Markup:
    """Count over rank, both logarithmic, one curve per kind.

    Args:
        vocabulary: may be empty.
        size: (height, width) in pixels.
    """
    height, width = size
    base = height - _BOTTOM
    most, longest = max(vocabulary.counts, default=1), max(len(vocabulary), 2)

    def x(rank: Number) -> float:
        return _LEFT + (width - _LEFT - _RIGHT) * math.log10(rank) / math.log10(longest)

    def y(count: Number) -> float:
        share = math.log10(max(count, 1)) / math.log10(max(most, 2))
        return base - (base - _TOP) * share

    parts = _axes(x, y, longest, most, base, width)
    for row, kind in enumerate(dict.fromkeys(vocabulary.kinds)):
        counts = [count for count, _ in _ranked(vocabulary, kind)]
        points = " ".join(f"{x(rank):.1f},{y(counts[rank - 1]):.1f}" for rank in _log_steps(len(counts)))
        words = text(
            width - _RIGHT - 8, _TOP + 14 + 16 * row, f"{kind} tags ({len(counts)})", size=12, anchor="end"
        )
        parts.append(
            Markup(
                '<polyline fill="none" stroke="{0}" stroke-width="2" points="{1}"/><g fill="{0}">{2}</g>'
            ).format(_COLORS[kind], points, words)
        )
    return svg(size, "Frequency of tags by rank", parts)


def _ranked(vocabulary: TagVocabulary, kind: str) -> list[tuple[int, str]]:
    """Counts and names of a kind, most frequent first, then by name."""
    rows = zip(vocabulary.counts, vocabulary.names, vocabulary.kinds, strict=True)
    return sorted(((n, name) for n, name, k in rows if k == kind), key=lambda row: (-row[0], row[1]))


def _log_steps(count: int) -> list[int]:
    """Ranks 1 .. count, at most a few hundred, evenly spread on a logarithmic axis."""
    steps = {round(math.exp(i / 200 * math.log(max(count, 1)))) for i in range(201)}
    return sorted(step for step in steps if 1 <= step <= count)


def _axes(x: _Scale, y: _Scale, longest: int, most: int, base: int, width: int) -> list[Markup]:
    """Frame, powers of ten on both axes, and what the axes are."""
    ranks = [10**e for e in range(int(math.log10(longest)) + 1)]
    counts = [10**e for e in range(int(math.log10(max(most, 1))) + 1)]
    middle = (_LEFT + width - _RIGHT) / 2
    return [
        Markup('<path d="M{} {} V{} H{}" fill="none" stroke="currentColor" opacity="0.4"/>').format(
            _LEFT, _TOP, base, width - _RIGHT
        ),
        *(text(x(rank), base + 16, f"{rank:,}", faint=True) for rank in ranks),
        *(text(_LEFT - 6, y(count) + 4, _short(count), anchor="end", faint=True) for count in counts),
        text(middle, base + 33, "rank of the tag", size=12),
        Markup('<g transform="rotate(-90 14 {0})">{1}</g>').format(
            base / 2, text(14, base / 2, "captions", size=12)
        ),
    ]


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
) -> Markup:
    """The most frequent tags, larger where they are more frequent, one block per kind.

    Args:
        vocabulary: may be empty.
        kinds: which blocks, side by side.
        tags: at most this many in a block.
        size: (height, width) of a block, in pixels.
    """
    height, width = size
    blocks = []
    for block, kind in enumerate(kinds):
        placed = _place(_ranked(vocabulary, kind)[:tags], height, width)
        words = (text(x, y, name, size=font) for name, x, y, font in placed)
        blocks.append(
            Markup('<g transform="translate({} 0)" fill="{}">{}</g>').format(
                block * width, _COLORS[kind], Markup().join(words)
            )
        )
    return svg((height, width * max(len(kinds), 1)), "The most frequent tags", blocks)


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
