"""What a run leaves behind while it goes on: lines of the log, the best weights, a faulty batch."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tagalign.atomic import sweep
from tagalign.data.processes import Processes
from tagalign.train.loop.checkpoints import Checkpoints, write_state
from tagalign.train.loop.guards import TrainingFault
from tagalign.train.loop.log import MetricsLog
from tagalign.train.loop.nested import State
from tagalign.train.loop.plan import TrainPlan


class Record:
    """The folder of a run, as one process writes it: the first one everything, the others a faulty batch alone.

    Attributes:
        best: the best validated score so far, higher is better; None before the first.
    """

    def __init__(self, folder: Path | None, plan: TrainPlan, processes: Processes) -> None:
        self.folder, self.plan, self.processes = folder, plan, processes
        self.checkpoints = None if folder is None else Checkpoints(folder / "checkpoints", keep=plan.keep)
        self.best: float | None = None
        self._log: MetricsLog | None = None

    def open(self, step: int) -> None:
        """Begin to log after ``step`` steps; later lines belong to work that was lost."""
        if self.folder is not None and self.processes.is_first:
            for below in (self.folder, *(self.folder / name for name in ("checkpoints", "best", "maps"))):
                sweep(below)  # the folder is this run's alone
            path = self.folder / "metrics.jsonl"
            self._log = MetricsLog(path, resume_step=step, tensorboard=self.plan.tensorboard)

    def close(self) -> None:
        """Close the log."""
        if self._log is not None:
            self._log.close()

    def write(self, step: int, numbers: Mapping[str, Any]) -> None:
        """A line of the log."""
        if self._log is not None:
            self._log.write(step, numbers)

    def save(self, step: int, state: State) -> None:
        """A checkpoint."""
        if self.checkpoints is not None and self.processes.is_first:
            self.checkpoints.save(step, state)

    def keep_best(self, step: int, numbers: Mapping[str, float], trained: State) -> None:
        """Keep the weights if the number that decides is the best so far; nothing where it was not measured."""
        value = numbers.get(self.plan.best.lstrip("-"))
        if value is None or not math.isfinite(value):
            return
        score = -value if self.plan.best.startswith("-") else value
        if self.best is not None and score <= self.best:
            return
        self.best = score
        if self.checkpoints is not None:
            self.checkpoints.save_best(step, {"trainee": trained, "value": value})

    def keep_fault(self, step: int, fault: TrainingFault, evidence: State) -> TrainingFault:
        """Write the batch of a faulty loss; the fault with the place of the file."""
        if self.folder is None:
            return fault
        path = self.folder / f"fault-step-{step}-rank-{self.processes.rank}.safetensors"
        write_state(path, step, evidence)
        return TrainingFault(f"{fault} ({path})")
