"""``errors.jsonl``: the inputs of a run that failed."""

import sys
from pathlib import Path
from types import TracebackType
from typing import Any

from tagalign.atomic import refused_in_one_line
from tagalign.errors import TagalignError
from tagalign.json_text import json_text


class ErrorLog:
    """``errors.jsonl`` of a run: one object per input that failed; appears when the first one does.

    Attributes:
        path: of the file.
        count: inputs that failed.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "errors.jsonl"
        self.count = 0
        self._file: Any = None

    def __enter__(self) -> "ErrorLog":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, path: str | Path, error: TagalignError) -> None:
        """Write it down and say it on standard error."""
        row = {"path": str(path), "error": type(error).__name__, "message": str(error)}
        with refused_in_one_line(self.path):
            if self._file is None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._file = self.path.open("w", encoding="utf-8")
            self._file.write(json_text(row, ensure_ascii=False) + "\n")
            self._file.flush()
        self.count += 1
        print(f"error: {error}", file=sys.stderr)
