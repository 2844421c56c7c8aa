"""Tables: every cell that is not measured yet, those of one encoder and seed together."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from tagalign.backbones.protocols import BlockBackbone
from tagalign.experiments import protocol
from tagalign.experiments.head.bench import VERSION, Bench
from tagalign.experiments.head.cells import RATE, SAMPLES, SEEDS, Cell
from tagalign.experiments.head.diagnosis import diagnosis, referring_needed
from tagalign.experiments.head.journal import Journal
from tagalign.experiments.head.tables import DETAILED, TABLES
from tagalign.experiments.scoring import answers, scores_of
from tagalign.experiments.world import Sizes

SIZES = Sizes(train=4000, validation=80, test=200, learning_rate=RATE)

Values = dict[str, Any]
Say = Callable[[str], None]


def settings() -> dict[str, Any]:
    """What the numbers of a table depend on, beside its cells."""
    return {
        "protocol": {**protocol.describe(), "world_version": VERSION},
        "sizes": {"train": SIZES.train, "validation": SIZES.validation, "test": SIZES.test},
        "samples": SAMPLES,
        "learning_rate": SIZES.learning_rate,
    }


def name_of(backbone: BlockBackbone) -> str:
    """An encoder with its weights: results of other weights do not count."""
    return f"{backbone.name} ({backbone.weight_hash})"


def measure(
    backbones: Sequence[BlockBackbone],
    journals: Mapping[str, Journal],
    tables: Sequence[str],
    say: Say,
    *,
    seeds: Sequence[int] = SEEDS,
) -> None:
    """Measure what is missing of the tables, seed by seed and table by table, so that a broken run leaves whole seeds.

    Features are made once for each encoder, seed and mode; a number that stands in a journal is not measured again.

    Args:
        backbones: frozen encoders.
        journals: of all tables, by name; those of ``tables`` are written.
        tables: names, in order.
        say: gets a line for people.
        seeds: those that are measured; others stay as they are.
    """
    todo = [one for one in _missing(backbones, journals, tables) if one[1].seed in seeds]
    for mode, seed in sorted({(cell.mode, cell.seed) for _, cell, _ in todo}):
        benches: dict[str, Bench] = {}
        for table, cell, backbone in todo:
            if (cell.mode, cell.seed) != (mode, seed):
                continue
            model = name_of(backbone)
            if model not in benches:
                benches[model] = Bench(backbone, SIZES, seed=seed, mode=mode)
            _fill(benches[model], model, table, cell, journals, say)


def _missing(
    backbones: Sequence[BlockBackbone], journals: Mapping[str, Journal], tables: Sequence[str]
) -> Iterator[tuple[str, Cell, BlockBackbone]]:
    for table in tables:
        for backbone in backbones:
            for cell in TABLES[table]:
                if not _serves(table, journals[table].get(name_of(backbone), cell.key)):
                    yield table, cell, backbone


def _serves(table: str, values: Values | None) -> bool:
    return values is not None and (table not in DETAILED or DETAILED[table] in values)


def take_over(
    backbones: Sequence[BlockBackbone], journals: Mapping[str, Journal], tables: Sequence[str]
) -> None:
    """Give tables the rows that were measured for other ones."""
    for table, cell, backbone in list(_missing(backbones, journals, tables)):
        if values := _known(name_of(backbone), table, cell, journals):
            journals[table].add(name_of(backbone), cell.key, values)


def _known(model: str, table: str, cell: Cell, journals: Mapping[str, Journal]) -> Values | None:
    found = (journal.get(model, cell.key) for journal in journals.values())
    return next((values for values in found if _serves(table, values)), None)


def _fill(
    bench: Bench, model: str, table: str, cell: Cell, journals: Mapping[str, Journal], say: Say
) -> None:
    values = _known(model, table, cell, journals)
    if values is None:
        start = time.perf_counter()
        values = measure_cell(bench, cell)
        took = time.perf_counter() - start
        say(f"{table}: {model}: {cell.key}: objects {values['miou_objects']:.1f}, {took:.0f} s")
    journals[table].add(model, cell.key, values)


def measure_cell(bench: Bench, cell: Cell) -> Values:
    """Train and score; percent."""
    method, facts = bench.method(cell)
    world = bench.world(cell.mislead)
    found = answers(method, world.test, world.validation, name=cell.row)
    scores = scores_of(found)
    return {
        **facts,
        **scores.segmentation,
        **{f"referring_{name}": value for name, value in scores.referring.items()},
        **referring_needed(found.rows["referring"], world.test),
        **diagnosis(method, world.validation, found.threshold),
    }
