"""One table: every cell that is not measured yet, then the table as it stands."""

import time
from collections.abc import Callable, Sequence
from typing import Any

from tagalign.backbones.protocols import BlockBackbone
from tagalign.experiments import protocol
from tagalign.experiments.head.bench import VERSION, Bench
from tagalign.experiments.head.cells import SAMPLES, Cell
from tagalign.experiments.head.journal import Journal
from tagalign.experiments.scoring import score
from tagalign.experiments.world import Sizes

SIZES = Sizes(train=4000, validation=80, test=200)


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
    backbone: BlockBackbone, cells: Sequence[Cell], journal: Journal, say: Callable[[str], None]
) -> None:
    """Measure what is missing; seeds are taken one after the other, so that features are made once each."""
    for seed, mode in sorted({(cell.seed, cell.mode) for cell in cells}):
        bench = Bench(backbone, SIZES, seed=seed, mode=mode)
        for cell in cells:
            if (cell.seed, cell.mode) != (seed, mode) or journal.get(name_of(backbone), cell.key) is not None:
                continue
            start = time.perf_counter()
            values = measure_cell(bench, cell)
            journal.add(name_of(backbone), cell.key, values)
            say(
                f"{backbone.name}: {cell.key}: objects {values['miou_objects']:.1f}, {time.perf_counter() - start:.0f} s"
            )


def measure_cell(bench: Bench, cell: Cell) -> dict[str, int | float]:
    """Train and score; percent."""
    method, facts = bench.method(cell)
    world = bench.world(cell.mislead)
    scores = score(method, world.test, world.validation, name=cell.row)
    return {
        **facts,
        **scores.segmentation,
        **{f"referring_{name}": value for name, value in scores.referring.items()},
    }
