"""One direction of a paper, and whether it came out here; how files say it, and what is refused.

A file of ``docs/results`` has a list ``claims`` beside its numbers, one object a direction:

    {"paper": "TagAlign", "table": "Table 7", "direction": "tags beside captions raise mIoU", "verdict": "holds",
     "ours": "33.6 to 35.5 mIoU objects", "interval": "+1.9 ± 0.7", "seeds": 3, "reason": "", "link": "head-rows.md"}

``encoder``, ``order`` and ``main`` may be left out.
"""

import json
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args

from tagalign.errors import DataError

Verdict = Literal["holds", "fails", "not testable"]

PAPERS = ("TagAlign", "Tag2Text", "TagCLIP", "CLS-SEG", "TrustyCLIP", "SPARC", "PIAA")
"""In the order of the page."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A direction of a paper's main tables.

    Attributes:
        paper: one of ``PAPERS``.
        table: as the paper calls it, such as ``Table 7`` or ``Fig. 6``.
        direction: what the paper's numbers say, as one short sentence without a number.
        verdict: ``holds`` only if the interval of the difference leaves zero out, or all seeds agree where there is no
            interval; ``fails`` otherwise; ``not testable`` if the drawn world cannot tell.
        ours: what was measured, with its unit; empty where nothing was.
        interval: difference with half of its 95 % interval; empty for one seed.
        seeds: trainings (or sets of scenes) behind the numbers; 0 where nothing was measured.
        reason: of a failure, as measured; of what cannot be tested, why. Needed for both.
        link: page with the table, relative to the file.
        encoder: model that was frozen; empty where the table needs none.
        order: of tables within a paper; those with equal numbers stand in the order of their names.
        main: whether it stands in the summary on top of the page.
    """

    paper: str
    table: str
    direction: str
    verdict: Verdict
    ours: str
    interval: str
    seeds: int
    reason: str
    link: str
    encoder: str = ""
    order: int = 0
    main: bool = False

    def __post_init__(self) -> None:
        if self.paper not in PAPERS:
            raise DataError(f"expected a paper of {', '.join(PAPERS)}, got {self.paper!r}")
        if not self.direction or not self.table or not self.link:
            raise DataError(f"a claim needs a table, a direction and a link, got {self}")
        if self.verdict != "holds" and not self.reason:
            raise DataError(f"{self.paper}, {self.direction!r}: {self.verdict} needs a reason")
        if self.verdict != "not testable" and not (self.ours and self.seeds):
            raise DataError(f"{self.paper}, {self.direction!r}: {self.verdict} needs numbers and their seeds")


def claim_of(values: Mapping[str, Any]) -> Claim:
    """A claim as a file says it; numbers stand for their digits, null for an empty text.

    Raises:
        DataError: for a key that is missing or that no claim has, or a value that does not fit.
    """
    known = {field.name: field for field in fields(Claim)}
    needed = {name for name, field in known.items() if field.default is MISSING}
    if missing := sorted(needed - set(values)):
        raise DataError(f"a claim has no {', '.join(missing)}: {dict(values)}")
    if extra := sorted(set(values) - set(known)):
        raise DataError(f"a claim has no key {', '.join(extra)}; known are {', '.join(known)}")
    return Claim(**{name: _fitting(name, value, known[name].type) for name, value in values.items()})


def _fitting(name: str, value: object, kind: object) -> Any:
    if kind is bool:
        if not isinstance(value, bool):
            raise DataError(f"{name} of a claim must be true or false, got {value!r}")
        return value
    if kind is int:
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise DataError(f"{name} of a claim must be a count, got {value!r}")
        return value
    if kind is not str and value not in get_args(kind):
        raise DataError(f"expected a {name} of {', '.join(get_args(kind))}, got {value!r}")
    if value is None or (isinstance(value, str | int | float) and not isinstance(value, bool)):
        return "" if value is None else " ".join(str(value).split())
    raise DataError(f"{name} of a claim must be text, got {value!r}")


def claims_of(path: Path) -> list[Claim]:
    """The claims of one file; none if it has no such list.

    Raises:
        DataError: if the file is not JSON, or a claim is not one; names the file.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        claims = found.get("claims", []) if isinstance(found, dict) else []
        return [claim_of(one) for one in claims]
    except (OSError, ValueError, TypeError, AttributeError, DataError) as error:
        raise DataError(f"{path}: expected a list of claims ({error})") from error


def read_claims(folder: Path) -> list[Claim]:
    """The claims of all JSON files of a folder, papers and tables in order, then as the files say them."""
    found = [claim for path in sorted(folder.glob("*.json")) for claim in claims_of(path)]
    return sorted(found, key=lambda claim: (PAPERS.index(claim.paper), claim.order, _natural(claim.table)))


def _natural(text: str) -> tuple[tuple[bool, int, str], ...]:
    """``Table 10`` after ``Table 9``."""
    return tuple((not word.isdigit(), int(word) if word.isdigit() else 0, word) for word in text.split())
