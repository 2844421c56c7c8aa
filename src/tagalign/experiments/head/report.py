"""A table for people: mean and 95 % interval over seeds, and what a row gains over captions with the same seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import sqrt
from typing import Any

import numpy as np
from scipy.stats import t as student

from tagalign.experiments.head.cells import CAPTIONS, Cell
from tagalign.experiments.head.tables import DETAILED, TABLES, at_rate, of_data

COLUMNS = {
    "mIoU objects": "miou_objects",
    "mIoU all": "miou",
    "pixel accuracy": "pixel_accuracy",
    "referring mIoU": "referring_miou",
}
DETAILS = {
    "validation mIoU objects": "validation_miou_objects",
    "phrases that need looks": "referring_needed",
    "objects named": "objects_named",
    "objects stand out": "objects_stand_out",
    "background names a present object": "background_present",
    "background right": "background_right",
    "objects right": "objects_right",
}
"""Of detailed tables; see ``diagnosis``."""
GAIN = "miou_objects"

CellValues = Mapping[str, Mapping[str, Any]]
"""Key of a cell to its numbers."""


def interval(values: Sequence[float]) -> tuple[float, float | None]:
    """Mean and half of the 95 % interval of Student's t; None for a single value.

    >>> mean, half = interval([1.0, 2.0, 3.0])
    >>> mean, round(half, 3)
    (2.0, 2.484)
    """
    mean = float(np.mean(values))
    if len(values) < 2:
        return mean, None
    factor = float(student.ppf(0.975, len(values) - 1))
    return mean, factor * float(np.std(values, ddof=1)) / sqrt(len(values))


def shown(values: Sequence[float], *, sign: bool = False) -> str:
    """``31.2 ± 0.4``; without the interval for a single value."""
    if not values:
        return ""
    mean, half = interval(values)
    text = f"{mean:+.1f}" if sign else f"{mean:.1f}"
    return text if half is None else f"{text} ± {half:.1f}"


def markdown(table: str, values: CellValues) -> str:
    """One line per row of a table; rows that are not measured yet are left out."""
    columns = COLUMNS | (DETAILS if table in DETAILED else {})
    lines = [
        f"| row | batch | misleading | names | one batch names | {' | '.join(columns)} | gain over captions | seeds |",
        f"|---|{'--:|' * (len(columns) + 6)}",
    ]
    for row in _rows(TABLES[table]):
        found = [values[cell.key] for cell in row if cell.key in values]
        if not found:
            continue
        facts = [
            str(row[0].batch_size or ""), f"{100 * row[0].mislead:.0f} %" if row[0].batch_size else "",
            shown([one["names"] for one in found if "names" in one]).split(".")[0],
            f"{np.mean([one['coverage'] for one in found]):.0f} %" if "coverage" in found[0] else "",
        ]  # fmt: skip
        numbers = [shown([one[key] for one in found if key in one]) for key in columns.values()]
        cells_of_line = [row[0].row, *facts, *numbers, shown(gains(row, values), sign=True), str(len(found))]
        lines.append(f"| {' | '.join(cells_of_line)} |")
    return "\n".join(lines) + "\n"


def gains(row: Sequence[Cell], values: CellValues) -> list[float]:
    """Of each seed over captions alone with the same data, seed, batch and share of misleading text."""
    found = []
    for cell in row:
        base = base_of(cell)
        if cell.batch_size and cell != base and cell.key in values and base.key in values:
            found.append(values[cell.key][GAIN] - values[base.key][GAIN])
    return found


def base_of(cell: Cell) -> Cell:
    """Captions alone, seen as often, as misleading and at the same rate."""
    base = replace(CAPTIONS, batch_size=cell.batch_size, mislead=cell.mislead, seed=cell.seed, mode=cell.mode)
    base = at_rate(base, cell.rate)
    return of_data(base, cell.share) if cell.share < 1 else base


def _rows(cells: Sequence[Cell]) -> list[list[Cell]]:
    """Cells that differ in their seed alone, in the order of the table."""
    rows: dict[Cell, list[Cell]] = {}
    for cell in cells:
        rows.setdefault(replace(cell, seed=0), []).append(cell)
    return list(rows.values())
