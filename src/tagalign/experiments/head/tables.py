"""The tables: lists of cells, each with the frozen row first."""

from dataclasses import replace

from tagalign.experiments.head.cells import ALONE, CAPTIONS, CONCEPTS, FROZEN, OBJECTS, RATE, SEEDS, Cell

BATCHES = (16, 64, 256, 512)
SHARES_OF_NOISE = (0.0, 0.15, 0.3, 0.6)
LENGTHS = (3, 30, 300, 3000)
SHARES_OF_DATA = (0.125, 0.5)
RATES = (1e-4, RATE)


def _seeds(*cells: Cell) -> tuple[Cell, ...]:
    """The frozen row once, because no seed touches it; then every row with every seed."""
    return (FROZEN, *(replace(cell, seed=seed) for seed in SEEDS for cell in cells))


def _on(mode: str, cells: tuple[Cell, ...]) -> tuple[Cell, ...]:
    return tuple(replace(cell, mode=mode) for cell in cells)


def length(names: int) -> Cell:
    """Tags alone from a list of so many."""
    return replace(ALONE, row=f"{names} concepts alone", names=names)


def at_rate(cell: Cell, rate: float) -> Cell:
    """The same row trained at another rate."""
    return cell if rate == RATE else replace(cell, row=f"{cell.row}, rate {rate:g}", rate=rate)


def of_data(cell: Cell, share: float) -> Cell:
    """The same row with less data."""
    return replace(cell, row=f"{cell.row}, 1/{round(1 / share)} of the data", share=share)


WEIGHTED, FOCAL, SOFTMAX, ASYMMETRIC = (
    replace(OBJECTS, row=f"captions and objects, {loss}", loss=loss)
    for loss in ("weighted", "focal", "softmax", "asymmetric")
)
ATTRIBUTES = replace(OBJECTS, row="captions, objects, attributes", tags="attributes")
SPLIT = replace(OBJECTS, row="captions, objects, attributes apart", tags="split")
PAIRS = replace(OBJECTS, row="captions, objects, pairs", tags="pairs")
BLENDED = replace(OBJECTS, row="captions and objects, 30 % frozen map", blend=0.3)
BACKGROUNDS = replace(OBJECTS, row="captions, objects, backgrounds apart", tags="backgrounds")
RULES = replace(OBJECTS, row="captions and objects, rules", parser="rules")
FIXED = replace(OBJECTS, row="captions and objects, fixed list", parser="fixed")
TRUE = replace(OBJECTS, row="captions and objects, true names", parser="true")

ROWS = _seeds(CAPTIONS, OBJECTS, CONCEPTS, ALONE)
REASONS = _seeds(CAPTIONS, OBJECTS, ALONE, BLENDED, BACKGROUNDS, ASYMMETRIC)

TABLES: dict[str, tuple[Cell, ...]] = {
    "head-rows": ROWS,
    "head-surgery": _on("surgery", ROWS),
    "head-noise": _seeds(
        *(replace(cell, mislead=share) for share in SHARES_OF_NOISE for cell in (CAPTIONS, CONCEPTS))
    ),
    "head-coverage": _seeds(
        *(replace(cell, batch_size=size) for size in BATCHES for cell in (CAPTIONS, CONCEPTS))
    ),
    "head-losses": _seeds(CAPTIONS, OBJECTS, SOFTMAX, WEIGHTED, FOCAL, ASYMMETRIC),
    "head-lists": _seeds(*map(length, LENGTHS)),
    "head-attributes": _seeds(CAPTIONS, OBJECTS, ATTRIBUTES, SPLIT, PAIRS),
    "head-fractions": _seeds(
        *(of_data(cell, share) for share in SHARES_OF_DATA for cell in (CAPTIONS, OBJECTS)),
        CAPTIONS,
        OBJECTS,
    ),
    "head-parsers": _seeds(CAPTIONS, OBJECTS, RULES, FIXED, TRUE),
    "head-rates": _seeds(*(at_rate(cell, rate) for rate in RATES for cell in (CAPTIONS, OBJECTS))),
    "head-reasons": REASONS,
    "head-reasons-surgery": _on("surgery", REASONS),
}
"""Name of a table to its cells. ``head-rows`` is the paper's Tables 1 and 7, ``head-surgery`` the same on the features that
the paper trains on, ``head-lists`` its Table 3, ``head-parsers`` and ``head-attributes`` its Table 5, ``head-losses`` its
Table 6; ``head-noise``, ``head-coverage`` and ``head-fractions`` are curves of the gain, ``head-reasons`` say what training
does to objects and background, with remedies, ``head-rates`` what the learning rate does."""

DETAILED: dict[str, str] = {
    "head-attributes": "referring_needed",
    "head-reasons": "objects_stand_out",
    "head-reasons-surgery": "objects_stand_out",
    "head-rates": "objects_stand_out",
}
"""Tables that show what ``diagnosis`` measures; numbers of other tables without this key do not count there."""
