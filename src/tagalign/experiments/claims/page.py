"""The page of all directions: counts first, then one line each."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import get_args

from tagalign.experiments.claims.claim import PAPERS, Claim, Verdict

HEAD = """# Results

Each direction of the papers' main tables: does it come out on drawn scenes? **No published number is claimed**: that needs
real weights and data sets. The scenes show whether the parts do what the papers say. Percent; differences with half of their
95 % interval over seeds: a direction holds only if its interval leaves zero out; of one seed a tendency is told. `tiny` has
patches that are local already, `tiny-plain` those of a CLIP that nobody repaired ([the two encoders](tiny-world.md)).
"""
FOOT = """
Other measurements: [every table of TagAlign in words](results/tagalign.md), [page, server, exports](results/apps.md),
[captions to tags](results/captions.md), [dense modes](results/modes.md), [looks](results/looks.md),
[regions](results/regions.md), [what failed on the way](LOG.md). This page is written by `python runs/results_page.py` from
the JSON files beside those tables.
"""
MARKS: dict[Verdict, str] = {"holds": "**holds**", "fails": "fails", "not testable": "not testable here"}


def results_page(claims: Sequence[Claim]) -> str:
    """The whole page, as Markdown; ``claims`` in the order of ``read_claims``."""
    parts = [HEAD, _counts(claims)]
    for paper in PAPERS:
        if own := [claim for claim in claims if claim.paper == paper]:
            parts.append(_section(paper, own))
    return "\n".join([*parts, FOOT.lstrip("\n")])


def _counts(claims: Sequence[Claim]) -> str:
    verdicts: tuple[Verdict, ...] = get_args(Verdict)
    rows = []
    for paper in PAPERS:
        counts = Counter(claim.verdict for claim in claims if claim.paper == paper)
        if counts:
            rows.append((f"[{paper}](#{paper.lower()})", *(str(counts[one]) for one in verdicts)))
    return _table(
        ("paper", *(one if one != "not testable" else MARKS[one] for one in verdicts)), rows, numbers=3
    )


def _section(paper: str, claims: Sequence[Claim]) -> str:
    """One line a direction; encoders that it was tried with stand below each other."""
    lines: dict[tuple[str, str, str], list[Claim]] = {}
    for claim in claims:
        lines.setdefault((claim.link, claim.table, claim.direction), []).append(claim)
    rows = [
        (f"[{table}](results/{link})", direction, *map(_stacked, zip(*map(_facts, own), strict=True)))
        for (link, table, direction), own in lines.items()
    ]
    return f"## {paper}\n\n{_table(('table', 'direction', '', 'here', 'seeds', 'why'), rows)}"


def _stacked(values: Sequence[str]) -> str:
    """One below the other; once where all are equal."""
    return values[0] if len(set(values)) == 1 else "<br>".join(values)


def _facts(claim: Claim) -> tuple[str, str, str, str]:
    """Verdict, numbers, seeds, reason."""
    where = f" (`{claim.encoder}`)" if claim.encoder else ""
    numbers = ", ".join(filter(None, (claim.ours, claim.interval)))
    return MARKS[claim.verdict] + where, numbers, str(claim.seeds or ""), claim.reason


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: int = 0) -> str:
    rule = ["---"] * (len(head) - numbers) + ["--:"] * numbers
    lines = [_line(head), f"|{'|'.join(rule)}|", *map(_line, rows)]
    return "\n".join(lines) + "\n"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
