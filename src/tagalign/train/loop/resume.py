"""Whether a checkpoint belongs to a run, and checkpoints of earlier versions in today's form."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tagalign.errors import InputError
from tagalign.train.loop.checkpoints import Checkpoint
from tagalign.train.loop.nested import State
from tagalign.train.loop.plan import OF_WRITING, as_listed

# Until 0.2 each method wrote checkpoints of its own: a projector's, Tag2Text's and TrustyCLIP's names for the same parts.
EARLIER_NAMES = {
    "aligner": "trainee",
    "parameters": "trainee",
    "network": "trainee",
    "optimizer": "optimiser",
    "plan": "fingerprint",
}


def todays_state(checkpoint: Checkpoint) -> dict[str, Any]:
    """The state of a checkpoint with the names and parts that today's loop writes.

    A run of one process whose batches follow from the step alone stored no position: it stands at the step.
    """
    state = {EARLIER_NAMES.get(name, name): value for name, value in checkpoint.state.items()}
    missing: dict[str, Any] = {
        "positions": [checkpoint.step],
        "random": None,
        "best": None,
        "skipped": {},
        "shown": {},
    }
    stored = state["fingerprint"]
    state["fingerprint"] = {k: as_listed(v) for k, v in stored.items() if k not in OF_WRITING}
    return missing | state


def check_same_run(stored: Mapping[str, Any], own: Mapping[str, Any], folder: Path | None) -> None:
    """Refuse to continue a run with other settings, which would be neither of the two.

    Raises:
        InputError: naming the first field that differs.
    """
    for name in sorted(stored.keys() | own.keys()):
        if stored.get(name) != own.get(name):
            raise InputError(
                f"{folder}: holds a run with {name} = {stored.get(name)!r}, now it is {own.get(name)!r}; "
                "continue with the same settings, or give another folder"
            )


def check_processes(stored: int, own: int, folder: Path | None) -> None:
    """Refuse another number of processes: their places in the data and their random states are stored one by one.

    Raises:
        InputError: with both numbers.
    """
    if stored != own:
        raise InputError(
            f"{folder}: holds a run of {stored} process(es), now there are {own}; continue with {stored}, "
            "or give another folder"
        )


def best_trainee(state: State) -> State:
    """The trained values in the state of ``best.safetensors``."""
    return next(v for name, v in state.items() if EARLIER_NAMES.get(name, name) == "trainee")
