"""What was measured on each image, as lines of a file that a stopped run leaves whole.

``rows.jsonl``: a first line with the fingerprint of the evaluation, then one JSON object per image (``i``, ``key`` and
what its kind needs). A later line replaces an earlier one of the same image; a torn last line is dropped.
"""

import base64
import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from tagalign.atomic import refused_in_one_line
from tagalign.errors import DataError, InputError
from tagalign.json_text import json_text

Row = dict[str, Any]

MATCHING = "matching"
"""Folder of a second look's rows, beside those of the first."""


def evaluation_mark(settings: Any) -> str:
    """Hash of everything that may change a row; the same settings give the same hash on any machine."""
    text = json_text(settings, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class RowStore:
    """The rows of one evaluation in one folder, written by one process and read from all.

    Attributes:
        folder: where the files lie; None keeps rows in memory.
        mark: fingerprint of the evaluation.
        rows: rows by index of the image, from all files of the folder.
    """

    def __init__(self, folder: Path | None, mark: str, *, shard: tuple[int, int] = (0, 1)) -> None:
        self.folder = folder
        self.mark = mark
        self.rows: dict[int, Row] = {}
        index, count = shard
        self._name = "rows.jsonl" if count == 1 else f"rows-{index}-of-{count}.jsonl"
        if folder is not None:
            self.refresh()
            self._start(folder / self._name)

    def refresh(self) -> None:
        """Read what other processes have written meanwhile."""
        if self.folder is not None:
            for path in sorted(self.folder.glob("rows*.jsonl")):
                self.rows.update({row["i"]: row for row in self._read(path)})

    def _read(self, path: Path) -> Iterable[Row]:
        lines = _whole_lines(path)
        if not lines:
            return []
        mark = lines[0].get("fingerprint")
        if mark != self.mark:
            raise InputError(
                f"{path} belongs to another evaluation (other model, settings, labels, batch size or limit); "
                "choose another --out, or remove the file"
            )
        return lines[1:]

    def _start(self, path: Path) -> None:
        """Leave the file with whole lines only, so that the next line starts where a line starts."""
        path.parent.mkdir(parents=True, exist_ok=True)
        whole = [{"fingerprint": self.mark}]
        if path.exists():
            whole = _whole_lines(path) or whole
            text = path.read_bytes()
            if text.endswith(b"\n") and text.count(b"\n") == len(whole):
                return
        with refused_in_one_line(path):
            path.write_text("".join(_line(row) for row in whole), encoding="utf-8")

    def add(self, rows: Iterable[Row]) -> None:
        """Keep rows; on disk they arrive in one piece."""
        rows = list(rows)
        self.rows.update({row["i"]: row for row in rows})
        if self.folder is not None and rows:
            path = self.folder / self._name
            with refused_in_one_line(path), path.open("a", encoding="utf-8") as file:
                file.write("".join(_line(row) for row in rows))


def _line(row: Row) -> str:
    return json_text(row, ensure_ascii=False, separators=(",", ":")) + "\n"


def _whole_lines(path: Path) -> list[Row]:
    """All lines that end with a line break; the torn end of a killed run is left out.

    Raises:
        DataError: if a whole line is no JSON object.
    """
    # a killed run may leave half a character at the end, in the line that is dropped below
    text = path.read_text(encoding="utf-8", errors="replace")
    lines = text.split("\n")[:-1]
    try:
        rows = [json.loads(line) for line in lines if line]
    except ValueError as error:
        raise DataError(f"{path}: damaged ({error}); remove it to measure again") from error
    if not all(isinstance(row, dict) for row in rows):
        raise DataError(f"{path}: damaged (a line is no object); remove it to measure again")
    return rows


def read_rows(folder: Path) -> list[Row]:
    """All rows of a finished evaluation, by index; with what a second look added, where there was one.

    Raises:
        DataError: if there are none.
    """
    rows: dict[int, Row] = {}
    for path in sorted(folder.glob("rows*.jsonl")):
        rows.update({row["i"]: row for row in _whole_lines(path)[1:]})
    if not rows:
        raise DataError(f"{folder}: no rows.jsonl; the paired comparison needs the rows beside result.json")
    again: dict[int, Row] = {}
    for path in sorted((folder / MATCHING).glob("rows*.jsonl")):
        again.update({row["i"]: row for row in _whole_lines(path)[1:]})
    return [rows[i] | ({"matches": again[i]} if i in again else {}) for i in sorted(rows)]


def pack_embeds(embeds: Float[Tensor, "rows dim"]) -> dict[str, Any]:
    """Embeddings as a JSON value: their shape, and float32 bytes in base64 (a quarter of the size of digits)."""
    values = embeds.detach().cpu().float().contiguous().numpy()
    return {"shape": list(values.shape), "float32": base64.b64encode(values.tobytes()).decode()}


def unpack_embeds(packed: dict[str, Any]) -> Float[Tensor, "rows dim"]:
    """What ``pack_embeds`` was given, bit for bit."""
    values = np.frombuffer(base64.b64decode(packed["float32"]), dtype=np.float32)
    return torch.from_numpy(values.reshape(packed["shape"]).copy())
