"""Flags that every trainer has: the frozen encoder, what a run may cost, where it runs and what it writes."""

import dataclasses
import os
from typing import Any

from tagalign.cli.shared.flag_values import check_least
from tagalign.cli.shared.model_flags import EncoderFlags
from tagalign.cli.verbs.train.run_flags import TrainingRunFlags
from tagalign.errors import InputError


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainerFlags(EncoderFlags, TrainingRunFlags):
    """Flags about memory and time; none of them decides what is learned."""

    micro_batch: int | None = None
    """Images whose graph is held at a time, to fit into memory; the gradient stays that of the whole batch."""
    compile: bool = False
    """Compile what a step computes (torch.compile); worth it from a few hundred steps on."""
    fsdp: bool = False
    """Spread the frozen encoder over the processes of torchrun, where one device does not hold it; slower, same numbers."""
    dry_run: bool = False
    """Time a few steps, print images/s, memory and days for this machine and these data, and write nothing."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_least(self, {"micro_batch": 1, "checkpoint_every": 0, "keep": 1, "log_every": 0})
        if self.fsdp:
            self._check_fsdp()

    def plan_numbers(self) -> dict[str, Any]:
        """The same flags as fields of a ``TrainPlan``."""
        return {
            "micro_batch": self.micro_batch,
            "compile_network": self.compile,
            "checkpoint_every": self.checkpoint_every,
            "keep": self.keep,
            "log_every": self.log_every,
            "tensorboard": self.tensorboard,
        }

    def _check_fsdp(self) -> None:
        if self.compile:
            raise InputError(
                "--fsdp gathers the weights of a layer when it is called, which compiled code does not; leave out --compile"
            )
        if int(os.environ.get("WORLD_SIZE", "1")) < 2:
            raise InputError(
                "--fsdp spreads the encoder over the processes of torchrun, and this is the only one; start it with "
                "torchrun --no-python --nproc-per-node 2 tagalign train ... --fsdp"
            )
