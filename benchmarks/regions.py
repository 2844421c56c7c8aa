"""Milliseconds of the region vote: 480 x 640 pixels, 100 regions, 171 labels (the vote, its instances, and both painted).

Prints one JSON line: medians of wall time and of this thread's own processor time, and the loop of CorrCLIP's release
(the mode of each id) beside them. Run: python benchmarks/regions.py [--repeats 50]
"""

import argparse
import json
import platform
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import torch

from tagalign.tasks.regions.options import RegionOptions
from tagalign.tasks.regions.value import Regions
from tagalign.tasks.regions.voting import vote_regions
from tagalign.types import Segmentation

SIZE, REGIONS, LABELS = (480, 640), (10, 10), 171
LIMIT_MS = 10.0


def case() -> tuple[Segmentation, torch.Tensor]:
    """A noisy label map and a hundred regions."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.randint(0, LABELS, (24, 32), generator=generator)
    labels = coarse.repeat_interleave(20, 0).repeat_interleave(20, 1)
    noise = torch.rand(SIZE, generator=generator) < 0.3
    labels = torch.where(noise, torch.randint(0, LABELS, SIZE, generator=generator), labels)
    rows, cols = (torch.arange(side) * count // side for side, count in zip(SIZE, REGIONS, strict=True))
    names = tuple(f"label {i}" for i in range(LABELS))
    found = Segmentation(labels=labels, names=names, scores=torch.rand(SIZE, generator=generator))
    return found, rows[:, None] * REGIONS[1] + cols[None] + 1


def timed(work: Callable[[], Any], repeats: int) -> tuple[float, float]:
    """Wall and own processor milliseconds, medians."""
    walls, own = [], []
    work()
    for _ in range(repeats):
        wall, thread = time.perf_counter(), time.thread_time()
        work()
        walls.append(time.perf_counter() - wall)
        own.append(time.thread_time() - thread)
    return round(1e3 * median(walls), 2), round(1e3 * median(own), 2)


def loop(found: Segmentation, ids: torch.Tensor) -> torch.Tensor:
    """The mode of each id, one after the other, as released."""
    made = found.labels.clone()
    for number in ids.unique():
        where = ids == number
        made[where] = found.labels[where].mode().values
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=50)
    repeats = parser.parse_args().repeats
    torch.set_num_threads(1)
    found, ids = case()
    painted = Regions.of_ids(ids)
    masks = Regions.of_masks((ids == i for i in range(1, REGIONS[0] * REGIONS[1] + 1)), SIZE)
    wall, own = timed(lambda: vote_regions(found, painted), repeats)
    drawn, _ = timed(lambda: vote_regions(found, masks, RegionOptions()), max(3, repeats // 10))
    slow, slow_own = timed(lambda: loop(found, ids), 3)
    print(
        json.dumps(
            {
                "vote_ms": wall,
                "vote_own_ms": own,
                "with_painting_ms": drawn,
                "loop_ms": slow,
                "loop_own_ms": slow_own,
                "limit_ms": LIMIT_MS,
                "within": own <= LIMIT_MS,
                "machine": platform.machine(),
            }
        )
    )


if __name__ == "__main__":
    main()
