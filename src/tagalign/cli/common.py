"""What the verbs share: the model's flags, progress, error lists, JSON lines, the warning about ``tiny``."""

import dataclasses
import json
import sys
from collections.abc import Iterable, Iterator, Sized
from pathlib import Path
from types import TracebackType
from typing import Any

from tagalign.backbones.models import AUTO, photo_model
from tagalign.errors import InputError, TagalignError
from tagalign.json_text import json_text

TINY = "tiny"
PHOTO_MODEL = photo_model()


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelFlags:
    """Flags of every verb that runs a model."""

    model: str = AUTO
    """`auto` (the photo model, fetched at the first use), a model folder, a hub id (name@revision too), `tiny` (drawn
    scenes only)."""
    method: str | None = None
    """How it answers; by default what the folder was trained for, or `maskclip` for a plain CLIP."""
    profile: str | None = None
    """`paper`, `released` or `fixed`; by default the method's own."""
    device: str = "auto"
    """`auto`, `cpu` or `cuda`."""
    batch_size: int = 8
    """Images encoded at a time."""

    def __post_init__(self) -> None:
        if self.model == AUTO:
            object.__setattr__(self, "model", self.auto_model())  # what is recorded is what was used
        if self.batch_size < 1:
            raise InputError(f"--batch-size must be at least 1, got {self.batch_size}")
        if self.device not in {"auto", "cpu", "cuda"}:
            raise InputError(f"--device must be auto, cpu or cuda, got {self.device!r}")

    def auto_model(self) -> str:
        """What ``auto`` means here."""
        return PHOTO_MODEL

    def options(self) -> dict[str, Any]:
        """Keyword arguments for ``tagalign.load``; what was not given is left out."""
        given = {"method": self.method, "profile": self.profile}
        return {"device": self.device, "batch_size": self.batch_size} | {k: v for k, v in given.items() if v}


def parse_shard(shard: str) -> tuple[int, int]:
    """``i/n`` with 0 <= i < n.

    Raises:
        InputError: for anything else.
    """
    index, _, count = shard.partition("/")
    if not (index.isdecimal() and count.isdecimal() and int(index) < int(count)):
        raise InputError(f"--shard must be i/n with 0 <= i < n, e.g. 0/4, got {shard!r}")
    return int(index), int(count)


def warn_tiny(model: str, instead: str = PHOTO_MODEL) -> None:
    """Say on standard error that ``tiny`` is not for photos and what is; it never labels one silently."""
    if model == TINY:
        print(
            f"warning: model 'tiny' knows drawn scenes only; for photos use --model {instead}",
            file=sys.stderr,
        )


def progress(items: Iterable[Any], description: str, *, total: int | None = None) -> Iterator[Any]:
    """Pass items on with a bar, a rate and the time left on a terminal; silent in a pipe."""
    if not sys.stderr.isatty():
        yield from items
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    total = len(items) if total is None and isinstance(items, Sized) else total
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(description, total=total, rate="")
        for item in items:
            yield item
            speed = bar.tasks[task].speed
            bar.update(task, advance=1, rate=f"{speed:.1f}/s" if speed else "")


def print_json(value: Any) -> None:
    """One JSON object as one line on standard output; in ASCII where that stream holds no other letters."""
    is_wide = (sys.stdout.encoding or "utf-8").lower().replace("-", "").startswith("utf")
    print(json_text(value, ensure_ascii=not is_wide, default=str), flush=True)


def settings_values(settings: Any) -> dict[str, Any]:
    """Fields of a settings dataclass as JSON values."""
    return json.loads(json_text(dataclasses.asdict(settings), default=str))


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
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("w", encoding="utf-8")
        row = {"path": str(path), "error": type(error).__name__, "message": str(error)}
        self._file.write(json_text(row, ensure_ascii=False) + "\n")
        self._file.flush()
        self.count += 1
        print(f"error: {error}", file=sys.stderr)
