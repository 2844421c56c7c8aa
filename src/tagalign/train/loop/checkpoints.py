"""Rolling checkpoints of a run: one safetensors file per step, whole or absent, the last few kept.

A file holds any nested state (``nested``): tensors as tensors, the rest as JSON in the header. No pickle.
Knows no method.
"""

import json
import warnings
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from tagalign.atomic import atomic_write
from tagalign.errors import DataError, InputError
from tagalign.json_text import json_text
from tagalign.train.loop.nested import State, join_state, split_state

FORMAT = "1"


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A state and the number of steps that were done when it was taken."""

    step: int
    state: State


class Checkpoints:
    """The checkpoints of one run in one folder.

    ``save`` writes ``step-00000100.safetensors`` and removes all but the newest ``keep``; ``save_best`` writes
    ``best.safetensors`` beside them, which is never removed.
    """

    def __init__(self, folder: str | Path, *, keep: int = 2) -> None:
        if keep < 1:
            raise InputError(f"at least one checkpoint must be kept, got keep={keep}")
        self.folder = Path(folder)
        self.keep = keep

    def save(self, step: int, state: State) -> Path:
        """Write a checkpoint, then drop the oldest beyond ``keep``."""
        path = self.folder / f"step-{step:08d}.safetensors"
        write_state(path, step, state)
        # after the new one is whole: at no moment is there none
        for old in self._paths()[: -self.keep]:
            old.unlink(missing_ok=True)
        return path

    def save_best(self, step: int, state: State) -> Path:
        """Write ``best.safetensors``."""
        path = self.folder / "best.safetensors"
        write_state(path, step, state)
        return path

    def latest(self) -> Checkpoint | None:
        """The newest checkpoint that can be read; None when there is none.

        A damaged file (a broken disk; our own writes are whole or absent) is passed over with a warning.
        """
        for path in reversed(self._paths()):  # zero-padded names sort by step
            try:
                return read_state(path)
            except DataError as error:
                warnings.warn(f"passed over a checkpoint: {error}", stacklevel=2)
        return None

    def _paths(self) -> list[Path]:
        return sorted(self.folder.glob("step-*.safetensors"))


def write_state(path: Path, step: int, state: State) -> None:
    """Write one state file; it appears whole or not at all."""
    tensors, values = split_state(state)
    metadata = {"format": FORMAT, "step": str(step), "values": json_text(values)}
    with atomic_write(path) as temp:
        save_file(tensors, temp, metadata=metadata)


def read_state(path: Path) -> Checkpoint:
    """Read what ``write_state`` wrote.

    Raises:
        DataError: if the file is missing, damaged, or not such a file.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
        if metadata.get("format") != FORMAT:
            raise DataError(f"{path}: expected a checkpoint of format {FORMAT}, got {metadata.get('format')}")
        state = join_state(tensors, json.loads(metadata["values"]))
        return Checkpoint(step=int(metadata["step"]), state=state)
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise DataError(f"{path}: no readable checkpoint ({error})") from error
