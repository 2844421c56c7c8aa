"""``tagalign train --dry-run``: what a run will cost, printed before it starts."""

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING

from tagalign.cli.shared.output import counted

if TYPE_CHECKING:
    from tagalign.data.processes import Processes
    from tagalign.train.loop.rehearsal import Estimate, Maker

GIB = 2**30


@dataclasses.dataclass(frozen=True, kw_only=True)
class Encoding:
    """What is encoded once before the first step.

    Attributes:
        images: in all; None where nobody counted.
        per_s: images per second, decoding included.
    """

    images: int | None
    per_s: float


def dry_run(
    make: "Maker",
    processes: "Processes",
    *,
    steps: int,
    batch_size: int,
    images: int | None = None,
    encoding: Encoding | None = None,
) -> int:
    """Time a few steps and print what the run will cost, in the first process; exit 0.

    Args:
        make: trainees of different batches, see ``rehearse``.
        processes: that share the run.
        steps: of the run.
        batch_size: of the run.
        images: there are to learn from; None where nobody counted.
        encoding: that comes before the first step.
    """
    from tagalign.train.loop.rehearsal import rehearse

    estimate = rehearse(make, processes, steps=steps, batch_size=batch_size)
    if processes.is_first:
        for line in report(estimate, images=images, encoding=encoding):
            print(line)
    return 0


def report(estimate: "Estimate", *, images: int | None = None, encoding: Encoding | None = None) -> list[str]:
    """The lines of a dry run."""
    trial = estimate.trials[-1]
    lines = [
        f"{estimate.images_per_s:.3g} images/s: {counted(trial.steps, 'step')} of {counted(trial.batch_size, 'image')} "
        f"in {trial.seconds:.3g} s, after one to warm up{_stages(trial.shares)}",
        _memory(estimate),
    ]
    if encoding is not None:
        before = (
            "" if encoding.images is None else f": {_long(encoding.images / encoding.per_s)} for all of them"
        )
        lines.append(
            f"{encoding.per_s:.3g} images/s while every image is encoded once, before the first step{before}"
        )
    rounds = (
        f", {estimate.steps * estimate.batch_size / images:.3g} rounds through {images:,}" if images else ""
    )
    lines.append(
        f"{counted(estimate.steps, 'step')} of {counted(estimate.batch_size, 'image')}{rounds}: "
        f"{_long(86_400 * estimate.days)}, without validations and checkpoints"
    )
    return [*lines, "nothing was written"]


def _stages(shares: Mapping[str, float]) -> str:
    shown = [f"{stage} {share:.0%}" for stage, share in sorted(shares.items(), key=lambda item: -item[1])]
    return f" ({', '.join(shown)})" if shown else ""


def _memory(estimate: "Estimate") -> str:
    trial, whole = estimate.trials[-1], estimate.memory_bytes
    if trial.memory_bytes is None:
        return "memory: this system does not say"
    measured = f"memory: {trial.memory_bytes / GIB:.2f} GiB at {counted(trial.batch_size, 'image')} a step"
    if trial.batch_size == estimate.batch_size or whole is None:
        return measured
    return f"{measured}; at most about {whole / GIB:.2f} GiB at {estimate.batch_size:,}, by a line through two sizes"


def _long(seconds: float) -> str:
    """A time in the unit that one reads."""
    for unit, length in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.3g} {unit}"
    return f"{seconds:.3g} seconds"
