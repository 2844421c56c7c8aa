"""Two parses as one HTML page: numbers above, captions with the tags of both side by side, errors in red."""

from collections.abc import Mapping, Sequence
from html import escape
from importlib import resources

from tagalign.tags.agreement import comparable
from tagalign.tags.comparison import Matched, ParseComparison, Side, comparables
from tagalign.tags.parses import ParsedCaption

SHOWN_TAGS = 40  # per list of tags that only one found
_KINDS = ("object", "attribute")


def render_comparison(
    comparison: ParseComparison,
    names: tuple[str, str],
    *,
    costs: tuple[Mapping[str, str], Mapping[str, str]] = ({}, {}),
    examples: int = 200,
) -> str:
    """The page; it needs no other file.

    Args:
        comparison: what is shown.
        names: of A and B.
        costs: what each parse cost, by name of the quantity.
        examples: captions shown, those on which the parsers differ first.
    """
    style = (resources.files("tagalign.tags") / "comparison.css").read_text(encoding="utf-8")
    first, second = (escape(name) for name in names)
    rows = sorted(comparison.rows, key=_sameness)[:examples]
    gold = comparison.rows[0].gold is not None
    red = "wrong by gold" if gold else "not in the caption"
    legend = (
        f'<p class="note"><span class="tag bad">red</span> {red} &nbsp; <span class="tag alone">underlined</span> '
        "found by this parser alone"
        + (' &nbsp; <span class="tag gone">struck</span> missed</p>' if gold else "</p>")
    )
    total = len(comparison.rows)
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{first} and {second}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<style>{style}</style>\n</head>\n<body>\n<main>\n<h1>{first} <em>and</em> {second}</h1>\n"
        f'<p class="note">{total:,} captions that both parsed; {comparison.only_first:,} only in A, '
        f"{comparison.only_second:,} only in B.</p>\n{_numbers(comparison, names, costs)}{_alone(comparison, names)}"
        f"<h2>Captions</h2>\n{legend}\n<table class='rows'>\n<tr><th>caption</th><th>A: {first}</th>"
        f"<th>B: {second}</th></tr>\n{''.join(map(_row, rows))}</table>\n"
        f'<p class="note">{len(rows):,} of {total:,} captions, those with the most differences first.</p>\n'
        "</main>\n</body>\n</html>\n"
    )


def _sameness(row: Matched) -> int:
    """Minus the number of tags on which the parsers differ."""
    return -sum(len(comparables(row.first, kind) ^ comparables(row.second, kind)) for kind in _KINDS)


def _numbers(
    comparison: ParseComparison, names: tuple[str, str], costs: tuple[Mapping[str, str], Mapping[str, str]]
) -> str:
    agreement = "".join(
        f"<tr><td>{kind}s</td><td>{a.f1:.3f}</td><td>{a.first:,}</td><td>{a.second:,}</td><td>{a.both:,}</td></tr>\n"
        for kind, a in comparison.agreement.items()
    )
    sides = list(zip((comparison.first, comparison.second), costs, strict=True))
    facts = [_facts(side, cost) for side, cost in sides]
    keys = list(dict.fromkeys(key for fact in facts for key in fact))
    body = "".join(
        f"<tr><td>{escape(key)}</td>{''.join(f'<td>{escape(fact.get(key, chr(8211)))}</td>' for fact in facts)}</tr>\n"
        for key in keys
    )
    heads = "".join(f"<th>{letter}: {escape(name)}</th>" for letter, name in zip("AB", names, strict=True))
    return (
        '<div class="two"><section><h2>Agreement</h2><table class="numbers">\n<tr><th></th><th>F1</th><th>tags of A</th>'
        f"<th>tags of B</th><th>both</th></tr>\n{agreement}</table></section>\n"
        f'<section><h2>Each parser</h2><table class="numbers">\n<tr><th></th>{heads}</tr>\n{body}</table></section></div>\n'
    )


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


def _alone(comparison: ParseComparison, names: tuple[str, str]) -> str:
    parts = []
    for kind, a in comparison.agreement.items():
        cells = "".join(
            f"<section><h3>{kind}s that only {escape(name)} found ({sum(only.values()):,})</h3>"
            f'<p class="{kind}">{_counted(only)}</p></section>\n'
            for name, only in zip(names, (a.only_first, a.only_second), strict=True)
        )
        parts.append(f'<div class="two">{cells}</div>\n')
    return "".join(parts)


def _counted(only: Mapping[str, int]) -> str:
    ranked = sorted(only.items(), key=lambda item: (-item[1], item[0]))[:SHOWN_TAGS]
    words = [f"{escape(tag)}<sub>{count:,}</sub>" for tag, count in ranked]
    return " ".join(f'<span class="tag">{word}</span>' for word in words) or "none"


def _row(row: Matched) -> str:
    cells = [_cell(row, "first", row.second), _cell(row, "second", row.first)]
    return f"<tr><td>{escape(row.caption)}</td>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>\n"


def _cell(row: Matched, side: str, other: ParsedCaption) -> str:
    parse: ParsedCaption = getattr(row, side)
    lines = []
    for kind in _KINDS:
        odd, shared = row.odd(side, kind), comparables(other, kind)
        tags = [_tag(tag, comparable(tag) in odd, comparable(tag) not in shared) for tag in parse.tags(kind)]
        tags += _missed(row.gold, parse, kind)
        if tags:
            lines.append(f'<div class="{kind}">{" ".join(tags)}</div>')
    return "".join(lines) or '<span class="note">nothing</span>'


def _tag(tag: str, wrong: bool, alone: bool) -> str:
    classes = " ".join(["tag", *(["bad"] if wrong else []), *(["alone"] if alone else [])])
    return f'<span class="{classes}">{escape(tag)}</span>'


def _missed(gold: ParsedCaption | None, parse: ParsedCaption, kind: str) -> Sequence[str]:
    if gold is None:
        return []
    found = comparables(parse, kind)
    return [
        f'<span class="tag gone">{escape(t)}</span>' for t in gold.tags(kind) if comparable(t) not in found
    ]
