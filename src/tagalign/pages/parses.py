"""Two parses as one page: numbers above, captions with the tags of both side by side, errors in red."""

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from tagalign.pages.document import columns, document, joined, note, section
from tagalign.pages.tables import chip, table
from tagalign.tags.agreement import comparable
from tagalign.tags.comparison import Matched, ParseComparison, Side, comparables
from tagalign.tags.parses import ParsedCaption

SHOWN_TAGS = 40  # per list of tags that only one found
_KINDS = ("object", "attribute")
Costs = tuple[Mapping[str, str], Mapping[str, str]]


def render_comparison(
    comparison: ParseComparison, names: tuple[str, str], *, costs: Costs = ({}, {}), examples: int = 200
) -> str:
    """The page.

    Args:
        comparison: what is shown.
        names: of A and B.
        costs: what each parse cost, by name of the quantity.
        examples: captions shown, those on which the parsers differ first.
    """
    total = len(comparison.rows)
    over = (
        f"{total:,} captions that both parsed; {comparison.only_first:,} only in A, "
        f"{comparison.only_second:,} only in B."
    )
    return document(
        f"{names[0]} and {names[1]}",
        Markup('<header><h1>{} <em>and</em> {}</h1><p class="lead">{}</p></header>\n').format(*names, over),
        columns(_agreement(comparison), _sides(comparison, names, costs)),
        *_alone(comparison, names),
        _captions(comparison, names, examples),
        wide=True,
    )


def _agreement(comparison: ParseComparison) -> Markup:
    rows = [
        (f"{kind}s", f"{a.f1:.3f}", f"{a.first:,}", f"{a.second:,}", f"{a.both:,}")
        for kind, a in comparison.agreement.items()
    ]
    return section(
        "Agreement", table(("", "F1", "tags of A", "tags of B", "both"), rows, numbers=range(1, 5))
    )


def _sides(comparison: ParseComparison, names: tuple[str, str], costs: Costs) -> Markup:
    sides = list(zip((comparison.first, comparison.second), costs, strict=True))
    facts = [_facts(side, cost) for side, cost in sides]
    keys = dict.fromkeys(key for fact in facts for key in fact)
    rows = [(key, *(fact.get(key, "\N{EN DASH}") for fact in facts)) for key in keys]
    return section("Each parser", table(("", f"A: {names[0]}", f"B: {names[1]}"), rows))


def _facts(side: Side, cost: Mapping[str, str]) -> dict[str, str]:
    share = side.inventions / max(side.tags, 1)
    facts = {
        f"{kind} F1 against gold": f"{a.f1:.3f} (precision {a.precision:.3f}, recall {a.recall:.3f})"
        for kind, a in side.against_gold.items()
    }
    facts["tags that the caption does not support"] = f"{side.inventions:,} of {side.tags:,} ({share:.1%})"
    if side.in_images is not None:
        seen = side.in_images
        facts["object tags that are in the image"] = f"{seen.right:,} of {seen.judged:,} ({seen.share:.1%})"
    return facts | dict(cost)


def _alone(comparison: ParseComparison, names: tuple[str, str]) -> list[Markup]:
    """For each kind two cards: what only A found, what only B found."""
    return [
        columns(
            *(
                section(f"{kind}s that only {name} found ({sum(only.values()):,})", _counted(only, kind))
                for name, only in zip(names, (a.only_first, a.only_second), strict=True)
            )
        )
        for kind, a in comparison.agreement.items()
    ]


def _counted(only: Mapping[str, int], kind: str) -> Markup:
    ranked = sorted(only.items(), key=lambda item: (-item[1], item[0]))[:SHOWN_TAGS]
    words = joined((chip(tag, count=count) for tag, count in ranked), " ")
    return Markup('<div class="{}">{}</div>').format(kind, words or "none")


def _captions(comparison: ParseComparison, names: tuple[str, str], examples: int) -> Markup:
    rows = sorted(comparison.rows, key=_sameness)[:examples]
    gold = comparison.rows[0].gold is not None
    head = ("caption", f"A: {names[0]}", f"B: {names[1]}")
    cells = [(row.caption, _cell(row, "first", row.second), _cell(row, "second", row.first)) for row in rows]
    tail = f"{len(rows):,} of {len(comparison.rows):,} captions, those with the most differences first."
    return section("Captions", _legend(gold), table(head, cells, kind="sentences"), note(tail))


def _legend(gold: bool) -> Markup:
    parts = [
        joined([chip("red", "bad"), " wrong by gold" if gold else " not in the caption"]),
        joined([chip("underlined", "alone"), " found by this parser alone"]),
        *([joined([chip("struck", "gone"), " missed"])] if gold else []),
    ]
    return note(joined(parts, " \N{NO-BREAK SPACE} "))


def _sameness(row: Matched) -> int:
    """Minus the number of tags on which the parsers differ."""
    return -sum(len(comparables(row.first, kind) ^ comparables(row.second, kind)) for kind in _KINDS)


def _cell(row: Matched, side: str, other: ParsedCaption) -> Markup:
    parse: ParsedCaption = getattr(row, side)
    lines = []
    for kind in _KINDS:
        odd, shared = row.odd(side, kind), comparables(other, kind)
        tags = [_tag(tag, comparable(tag) in odd, comparable(tag) not in shared) for tag in parse.tags(kind)]
        tags += _missed(row.gold, parse, kind)
        if tags:
            lines.append(Markup('<div class="{}">{}</div>').format(kind, joined(tags, " ")))
    return joined(lines) or Markup('<span class="note">nothing</span>')


def _tag(tag: str, wrong: bool, alone: bool) -> Markup:
    return chip(tag, *(["bad"] if wrong else []), *(["alone"] if alone else []))


def _missed(gold: ParsedCaption | None, parse: ParsedCaption, kind: str) -> Sequence[Markup]:
    if gold is None:
        return []
    found = comparables(parse, kind)
    return [chip(tag, "gone") for tag in gold.tags(kind) if comparable(tag) not in found]
