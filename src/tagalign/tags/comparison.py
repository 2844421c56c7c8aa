"""Two parses of the same captions side by side: agreement, inventions, and how both stand against gold or images."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tagalign.errors import DataError
from tagalign.tags.agreement import Agreement, comparable, score
from tagalign.tags.normalize import normalize_tag
from tagalign.tags.parses import KINDS, ParsedCaption
from tagalign.tags.shards import TagRow
from tagalign.tags.support import CaptionWords

_EMPTY = ParsedCaption()


@dataclass(frozen=True, slots=True)
class Matched:
    """One caption and what the parsers found in it.

    Attributes:
        key: joins the caption with its image.
        caption: its text.
        first: tags of parser A.
        second: tags of parser B.
        gold: the right tags, where they are known.
    """

    key: str
    caption: str
    first: ParsedCaption
    second: ParsedCaption
    gold: ParsedCaption | None = None

    def odd(self, side: str, kind: str) -> set[str]:
        """Tags of a side, as they are compared, that are wrong: not in gold, or without gold not in the caption."""
        tags = comparables(getattr(self, side), kind)
        if self.gold is not None:
            return tags - comparables(self.gold, kind)
        words = CaptionWords(self.caption)
        return {tag for tag in tags if not words.supports(tag)}


@dataclass(frozen=True, slots=True)
class InImages:
    """Object tags against what annotators marked in the images.

    Attributes:
        judged: tags that mean one of the annotated classes, once per caption.
        right: those whose class is in the caption's image.
    """

    judged: int
    right: int

    @property
    def share(self) -> float:
        """Right tags among those that can be judged; 0 without any."""
        return self.right / max(self.judged, 1)


@dataclass(frozen=True, slots=True)
class Side:
    """What is known about one of two parsers.

    Attributes:
        tags: number of objects and attributes.
        inventions: those of them that their captions do not support.
        against_gold: kind -> agreement with gold; empty without gold.
        in_images: None without images.
    """

    tags: int
    inventions: int
    against_gold: dict[str, Agreement]
    in_images: InImages | None


@dataclass(frozen=True, slots=True)
class ParseComparison:
    """Two parses of the same captions.

    Attributes:
        rows: captions that both have (and gold, where it is given).
        only_first: captions that A alone has.
        only_second: captions that B alone has.
        agreement: kind -> agreement of the two.
        first: about A.
        second: about B.
    """

    rows: tuple[Matched, ...]
    only_first: int
    only_second: int
    agreement: dict[str, Agreement]
    first: Side
    second: Side


def comparables(parse: ParsedCaption, kind: str) -> set[str]:
    """The tags of a kind in the form in which they are compared."""
    return {comparable(tag) for tag in parse.tags(kind)} - {""}


def match_rows(
    first: Iterable[TagRow], second: Iterable[TagRow], gold: Iterable[TagRow] | None = None
) -> tuple[list[Matched], int, int]:
    """Join parses by key and caption, or by caption alone where one of them has other keys.

    Args:
        first: of parser A.
        second: of parser B.
        gold: right tags; captions without them are left out.

    Returns:
        Captions in A's order, and how many A and B have alone. A caption that stands several times is matched in order.

    Raises:
        DataError: if they have no caption in common.
    """
    a, b, g = list(first), list(second), None if gold is None else list(gold)
    joined, rest_a, rest_b = _join(a, b)
    if not joined:
        raise DataError("the two parses have no caption in common; compare parses of the same captions")
    if g is None:
        return [Matched(x.key, x.caption, x.parse, y.parse) for x, y in joined], rest_a, rest_b
    found = {id(x): z for x, z in _join([x for x, _ in joined], g)[0]}
    rows = [
        Matched(x.key, x.caption, x.parse, y.parse, found[id(x)].parse) for x, y in joined if id(x) in found
    ]
    if not rows:
        raise DataError("gold has none of the captions that were parsed")
    return rows, rest_a, rest_b


def _join(a: Sequence[TagRow], b: Sequence[TagRow]) -> tuple[list[tuple[TagRow, TagRow]], int, int]:
    by_key = _pairs(a, b, lambda row: (row.key, row.caption))
    by_caption = _pairs(a, b, lambda row: row.caption) if len(by_key) < min(len(a), len(b)) else by_key
    pairs = by_caption if len(by_caption) > len(by_key) else by_key
    return pairs, len(a) - len(pairs), len(b) - len(pairs)


def _pairs(
    a: Sequence[TagRow], b: Sequence[TagRow], name: Callable[[TagRow], object]
) -> list[tuple[TagRow, TagRow]]:
    waiting: dict[object, list[TagRow]] = {}
    for row in reversed(b):
        waiting.setdefault(name(row), []).append(row)
    return [(row, waiting[name(row)].pop()) for row in a if waiting.get(name(row))]


def compare_parses(
    first: Iterable[TagRow],
    second: Iterable[TagRow],
    *,
    gold: Iterable[TagRow] | None = None,
    in_image: Mapping[str, Collection[str]] | None = None,
    class_of: Mapping[str, str] | None = None,
) -> ParseComparison:
    """Compare two parses; see ``ParseComparison``.

    Args:
        first: of parser A.
        second: of parser B.
        gold: the right tags.
        in_image: key of a caption -> classes that are in its image.
        class_of: tag -> class, for names and aliases of the annotated classes.

    Raises:
        DataError: if there is no caption in common.
    """
    rows, only_first, only_second = match_rows(first, second, gold)
    sides = [[row.first for row in rows], [row.second for row in rows]]
    kinds = [kind for kind in KINDS if any(parse.tags(kind) for side in sides for parse in side)]
    right = [row.gold or _EMPTY for row in rows]
    about = []
    for side in sides:
        invented = [_inventions(row.caption, parse) for row, parse in zip(rows, side, strict=True)]
        about.append(
            Side(
                tags=sum(len(parse.objects) + len(parse.attributes) for parse in side),
                inventions=sum(invented),
                against_gold=score(right, side) if gold is not None else {},
                in_images=_in_images(rows, side, in_image, class_of or {}) if in_image is not None else None,
            )
        )
    agreement = score(*sides, kinds=kinds or ("object",))
    return ParseComparison(tuple(rows), only_first, only_second, agreement, *about)


def _inventions(caption: str, parse: ParsedCaption) -> int:
    words = CaptionWords(caption)
    return sum(not words.supports(tag) for tag in (*parse.objects, *parse.attributes))


def _in_images(
    rows: Sequence[Matched],
    side: Sequence[ParsedCaption],
    in_image: Mapping[str, Collection[str]],
    class_of: Mapping[str, str],
) -> InImages:
    judged = right = 0
    for row, parse in zip(rows, side, strict=True):
        present = in_image.get(row.key)
        if present is not None:
            classes = set(_classes(parse.objects, class_of))
            judged, right = judged + len(classes), right + len(classes & set(present))
    return InImages(judged, right)


def _classes(tags: Iterable[str], class_of: Mapping[str, str]) -> Iterator[str]:
    """Classes that tags mean; the last word decides where the whole tag says nothing ("street sign" is no street)."""
    for tag in tags:
        name = normalize_tag(tag)
        found = class_of.get(name) or class_of.get(name.rpartition(" ")[2])
        if found:
            yield found
