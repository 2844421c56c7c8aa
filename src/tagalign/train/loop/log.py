"""What a run leaves behind: ``metrics.jsonl`` always, TensorBoard where it is wanted. Knows no method."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tagalign.atomic import atomic_write, refused_in_one_line
from tagalign.errors import MissingExtraError
from tagalign.json_text import json_text


class MetricsLog:
    """One JSON object per line with ``step`` and numbers; a resumed run never has a step twice.

    On opening, lines of steps after ``resume_step`` and a half-written last line are dropped: they belong to work
    that a killed run lost. A non-finite number is written as ``null``, which every JSON reader accepts.
    """

    def __init__(self, path: str | Path, *, resume_step: int = 0, tensorboard: bool = False) -> None:
        self.path = Path(path)
        self._trim(resume_step)
        with refused_in_one_line(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("a", encoding="utf-8")
        self._board = _open_board(self.path.parent, resume_step) if tensorboard else None

    def write(self, step: int, values: Mapping[str, Any]) -> None:
        """Append one line, at once on disk."""
        row = {"step": step, **{name: _plain(value) for name, value in values.items()}}
        with refused_in_one_line(self.path):
            self._file.write(json_text(row) + "\n")
            self._file.flush()  # a killed process writes no buffer, and the log shall say how far it came
        if self._board is not None:
            for name, value in row.items():
                if isinstance(value, (int, float)) and name != "step":
                    self._board.add_scalar(name, value, step)

    def image(self, step: int, name: str, path: Path) -> None:
        """Show a saved RGB picture in TensorBoard; without it the file itself is the log."""
        if self._board is None:
            return
        import numpy as np
        from PIL import Image

        with Image.open(path) as picture:
            pixels = np.asarray(picture.convert("RGB"))
        self._board.add_image(name, pixels, step, dataformats="HWC")

    def close(self) -> None:
        """Close the files."""
        self._file.close()
        if self._board is not None:
            self._board.close()

    def _trim(self, resume_step: int) -> None:
        if not self.path.exists():
            return
        # steps after the checkpoint are done again, and would stand twice
        kept = [row for row in read_metrics(self.path) if row["step"] <= resume_step]
        with atomic_write(self.path) as temp:
            temp.write_text("".join(json_text(row) + "\n" for row in kept), encoding="utf-8")


def read_metrics(path: str | Path) -> list[dict[str, Any]]:
    """The rows of a ``metrics.jsonl``; a last line that a killed run wrote half is left out."""
    rows = []
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        try:
            rows.append(json.loads(line))
        except ValueError:
            continue
    return rows


def _plain(value: Any) -> Any:
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _open_board(folder: Path, resume_step: int) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise MissingExtraError("the TensorBoard log", "tensorboard", "train") from error
    return SummaryWriter(str(folder / "tensorboard"), purge_step=resume_step + 1)
