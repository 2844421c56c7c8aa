"""The published numbers, read from ``numbers.json``: a table per metric, a row per system, a value per benchmark.

A row with ``run`` can be measured here: its flags are those of ``tagalign evaluate``. A row without is quoted, for
comparison alone. ``run_for`` changes flags for one benchmark, as the releases' own settings do.
"""

import difflib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from tagalign.errors import InputError

SOURCE = "numbers.json"


@dataclass(frozen=True, kw_only=True)
class Run:
    """What it takes to measure a number: flags of ``tagalign evaluate``.

    Attributes:
        method: that answers.
        protocol: sizes, windows, prompts, words.
        options: ``--option name=value``.
        refine: post-processing of masks.
        model: public checkpoint; None where the paper's was never published.
        prepare: the command that makes the model where it is not simply fetched.
    """

    method: str
    protocol: str = "plain"
    options: Mapping[str, str] = field(default_factory=dict)
    refine: str | None = None
    model: str | None = None
    prepare: str | None = None

    @property
    def public(self) -> bool:
        """Whether the weights can be had: a hub id, or a released checkpoint that ``tagalign import`` reads."""
        return self.model is not None or (self.prepare or "").startswith("tagalign import")


@dataclass(frozen=True, kw_only=True)
class Published:
    """One number of one paper.

    Attributes:
        id: ``paper/table/row/benchmark``, in lower case.
        paper: key into ``papers()``.
        table: its id, ``paper/table``.
        title: of the table.
        row: the system, in the paper's words.
        benchmark: one of ``tagalign data list``.
        split: of it; None for the one that papers report.
        metric: as ``tagalign evaluate`` names it.
        value: as printed, percent (CIDEr and BLEU as captioning papers scale them).
        run: how it is measured here; None for a number that is quoted for comparison.
        differs: what is not the same here.
    """

    id: str
    paper: str
    table: str
    title: str
    row: str
    benchmark: str
    split: str | None
    metric: str
    value: float
    run: Run | None
    differs: tuple[str, ...]


@cache
def _content() -> dict[str, Any]:
    text = (files("tagalign.evaluate.published") / SOURCE).read_text(encoding="utf-8")
    content: dict[str, Any] = json.loads(text)
    return content


def papers() -> Mapping[str, Mapping[str, str]]:
    """Title and arXiv number of each paper, by its key."""
    found: Mapping[str, Mapping[str, str]] = _content()["papers"]
    return found


@cache
def published_numbers() -> tuple[Published, ...]:
    """All numbers, in the order of the papers."""
    return tuple(number for table in _content()["tables"] for number in _numbers_of(table))


def _numbers_of(table: Mapping[str, Any]) -> Iterator[Published]:
    for row in table["rows"]:
        for key, value in row["values"].items():
            benchmark, _, split = key.partition(" ")
            yield Published(
                id=f"{table['id'].lower()}/{_slug(row['name'])}/{_slug(key)}",
                paper=table["id"].partition("/")[0],
                table=table["id"],
                title=table["title"],
                row=row["name"],
                benchmark=benchmark,
                split=split or None,
                metric=table["metric"],
                value=float(value),
                run=_run(row, key),
                differs=(*table.get("differs", ()), *row.get("differs", ())),
            )


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9+]+", "-", text.lower()).strip("-")


def _run(row: Mapping[str, Any], key: str) -> Run | None:
    if "run" not in row:
        return None
    flags = dict(row["run"])
    flags["options"] = flags.get("options", {}) | row.get("run_for", {}).get(key, {}).get("options", {})
    flags["prepare"] = flags.pop("train", None) or flags.pop("import", None)
    return Run(**flags)


def find_numbers(names: Sequence[str], *, quoted: bool = False) -> tuple[Published, ...]:
    """Numbers by their ids or parts of them: ``tagclip/table2/voc2007`` leaves out the row and the end of the benchmark.

    Paper and table are given whole, what follows begins a part of the id; numbers that can be measured come before quoted
    ones, which are found only by names that no other number answers to.

    Args:
        names: ids, or parts of them.
        quoted: quoted numbers too, where others answer to the same name.

    Raises:
        InputError: for a name that fits none.
    """
    chosen: dict[str, Published] = {}
    for name in names:
        found = [number for number in published_numbers() if _fits(name.lower(), number.id)]
        if not found:
            near = difflib.get_close_matches(
                name.lower(), [n.id for n in published_numbers()], n=1, cutoff=0.4
            )
            hint = f"; did you mean {near[0]}?" if near else ""
            raise InputError(f"no published number {name!r}{hint} (tagalign reproduce list shows all)")
        measurable = [number for number in found if number.run is not None]
        chosen |= {number.id: number for number in (found if quoted or not measurable else measurable)}
    return tuple(number for number in published_numbers() if number.id in chosen)


def _fits(name: str, whole: str) -> bool:
    """Paper and table as they are, row and benchmark by their beginnings, in order."""
    known = whole.split("/")
    wanted = name.strip("/").split("/")
    if wanted[:2] != known[: len(wanted)][:2]:
        return False
    parts = iter(known[2:])
    return all(any(part.startswith(one) for part in parts) for one in wanted[2:])
