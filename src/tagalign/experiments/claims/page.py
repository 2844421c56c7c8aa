"""The page of all directions: the main ones with one number each, then one line for every direction."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import get_args

from tagalign.experiments.claims.claim import PAPERS, Claim, Verdict

HEAD = """# Results

Do the directions of the papers' main tables come out on drawn scenes? **No published number is claimed**: that needs real
weights and data. Points gained, with half of their 95 % interval over seeds: **holds** if it lies above zero, open if zero
is in it, else fails; one seed alone tells a tendency. `tiny` has local patches already, `tiny-plain` is a CLIP that nobody
repaired ([the two encoders](tiny-world.md)). Below: every direction, with numbers and the measured reason of a failure;
open ones count as failed there.
"""
FOOT = """
Other measurements: [every table of TagAlign in words](results/tagalign.md), [page, server, exports](results/apps.md),
[captions to tags](results/captions.md), [dense modes](results/modes.md), [looks](results/looks.md),
[regions](results/regions.md), [what failed on the way](LOG.md). This page is written by `python runs/results_page.py` from
the JSON files beside those tables.
"""
MARKS: dict[Verdict, str] = {"holds": "**holds**", "fails": "fails", "not testable": "not testable here"}


ENCODERS = ("tiny", "tiny-plain")
"""Columns of the summary; a direction without an encoder stands in the first."""


def results_page(claims: Sequence[Claim]) -> str:
    """The whole page, as Markdown; ``claims`` in the order of ``read_claims``."""
    parts = [HEAD]
    if main := [claim for claim in claims if claim.main]:
        parts.append(_summary(main))
    for paper in PAPERS:
        if own := [claim for claim in claims if claim.paper == paper]:
            parts.append(_section(paper, own))
    return "\n".join([*parts, FOOT.lstrip("\n")])


def _summary(claims: Sequence[Claim]) -> str:
    """One line a direction, one number an encoder."""
    rows = []
    for (_, _, link, direction), own in _by_direction(claims).items():
        # tables of two encoders may stand on two pages
        apart = len({claim.link for claim in own}) > 1
        cells = {claim.encoder or ENCODERS[0]: _in_short(claim) for claim in own}
        if apart:
            links = {claim.encoder or ENCODERS[0]: claim.link for claim in own}
            cells = {encoder: f"[{text}](results/{links[encoder]})" for encoder, text in cells.items()}
        paper = own[0].paper
        verdicts = (cells.get(encoder, "") for encoder in ENCODERS)
        rows.append(
            (f"[{paper}](#{paper.lower()})", f"[{direction}](results/{link})", _unit(own[0]), *verdicts)
        )
    return _table(("paper", "direction", "in", *(f"`{encoder}`" for encoder in ENCODERS)), rows)


def _by_direction(claims: Sequence[Claim]) -> dict[tuple[str, str, str, str], list[Claim]]:
    """Encoders that a direction was tried with stand together, with the page of the first."""
    lines: dict[tuple[str, str, str], list[Claim]] = {}
    for claim in claims:
        lines.setdefault((claim.paper, claim.table, claim.direction), []).append(claim)
    return {(paper, table, own[0].link, says): own for (paper, table, says), own in lines.items()}


FROM_TO = re.compile(r"(-?[\d.]+) to (-?[\d.]+)\s*(.*?)(?: \(|,|$)")
"""How makers of claims say what they measured: both numbers and the unit."""

GAIN = re.compile(r"([-+][\d.]+)(?: ± ([\d.]+))?")
SEED = 1.0
"""Points that two numbers of one seed must differ by to tell anything."""


def _in_short(claim: Claim) -> str:
    """Verdict and gain; of a failure, whether it is one or nothing that these seeds can tell."""
    found = FROM_TO.match(claim.ours)
    text = claim.interval or (f"{float(found[2]) - float(found[1]):+.1f}" if found else "")
    gain = GAIN.match(text)
    is_open = claim.verdict == "fails" and gain is not None and abs(float(gain[1])) <= float(gain[2] or SEED)
    alone = " (one seed)" if claim.seeds == 1 else ""
    return f"{'open' if is_open else MARKS[claim.verdict]} {text}{alone}".strip()


def _unit(claim: Claim) -> str:
    found = FROM_TO.match(claim.ours)
    return found[3].strip() if found else ""


def _counts(claims: Sequence[Claim]) -> str:
    """How many of a paper's directions hold, each with each encoder."""
    counts = Counter(claim.verdict for claim in claims)
    words: dict[Verdict, str] = {"holds": "hold", "fails": "fail", "not testable": "not testable here"}
    return ", ".join(f"{counts[one]} {words[one]}" for one in get_args(Verdict) if counts[one])


def _section(paper: str, claims: Sequence[Claim]) -> str:
    """One line a direction; encoders that it was tried with stand below each other."""
    rows = [
        (f"[{table}](results/{link})", direction, *map(_stacked, zip(*map(_facts, own), strict=True)))
        for (_, table, link, direction), own in _by_direction(claims).items()
    ]
    table = _table(("table", "direction", "", "here", "seeds", "why"), rows)
    return f"## {paper}\n\nEach direction and encoder: {_counts(claims)}.\n\n{table}"


def _stacked(values: Sequence[str]) -> str:
    """One below the other; once where all are equal."""
    return values[0] if len(set(values)) == 1 else "<br>".join(values)


def _facts(claim: Claim) -> tuple[str, str, str, str]:
    """Verdict, numbers, seeds, reason."""
    where = f" (`{claim.encoder}`)" if claim.encoder else ""
    numbers = ", ".join(filter(None, (claim.ours, claim.interval)))
    return MARKS[claim.verdict] + where, numbers, str(claim.seeds or ""), claim.reason


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [_line(head), f"|{'|'.join(['---'] * len(head))}|", *map(_line, rows)]
    return "\n".join(lines) + "\n"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
