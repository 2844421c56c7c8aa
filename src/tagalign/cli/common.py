"""What the verbs share: which files are meant, progress, error lists, JSON lines, the warning about ``tiny``."""

import dataclasses
import glob
import json
import sys
from collections.abc import Iterable, Iterator, Sequence, Sized
from pathlib import Path
from types import TracebackType
from typing import Any

from tagalign.errors import InputError, TagalignError

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"})
TINY = "tiny"
PHOTO_MODEL = "openai/clip-vit-base-patch16"


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelFlags:
    """Flags of every verb that runs a model."""

    model: str = TINY
    """`tiny` (drawn scenes only), a model folder, or a hub id such as openai/clip-vit-base-patch16."""
    method: str | None = None
    """How it answers; by default what the folder was trained for, or `maskclip` for a plain CLIP."""
    profile: str | None = None
    """`paper`, `released` or `fixed`; by default the method's own."""
    device: str = "auto"
    """`auto`, `cpu` or `cuda`."""
    batch_size: int = 8
    """Images encoded at a time."""

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise InputError(f"--batch-size must be at least 1, got {self.batch_size}")
        if self.device not in {"auto", "cpu", "cuda"}:
            raise InputError(f"--device must be auto, cpu or cuda, got {self.device!r}")

    def options(self) -> dict[str, Any]:
        """Keyword arguments for ``tagalign.load``; what was not given is left out."""
        given = {"method": self.method, "profile": self.profile}
        return {"device": self.device, "batch_size": self.batch_size} | {k: v for k, v in given.items() if v}


def expand_images(inputs: Sequence[str]) -> list[Path]:
    """Image files meant by files, folders (searched below), glob patterns, or ``-`` (paths on standard input).

    Files that are named one by one are taken as they are, whatever their suffix, so that a wrong one is reported.

    Raises:
        InputError: if an input means no file at all.
    """
    if not inputs:
        raise InputError(
            "give at least one image: a file, a folder, a pattern, or - for paths on standard input"
        )
    paths: list[Path] = []
    for item in inputs:
        found = list(_expand(item))
        if not found:
            raise InputError(f"{item}: {_why_nothing(item)}")
        paths += found
    return list(dict.fromkeys(paths))


def _expand(item: str) -> Iterator[Path]:
    path = Path(item)
    if item == "-":
        yield from (Path(line.rstrip("\n")) for line in sys.stdin if line.strip())
    elif path.is_dir():
        yield from sorted(p for p in path.rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES and p.is_file())
    elif path.exists():
        yield path
    else:
        found = glob.glob(item, recursive=True)  # noqa: PTH207 - Path.glob refuses absolute patterns
        yield from (Path(name) for name in sorted(found) if Path(name).is_file())


def _why_nothing(item: str) -> str:
    if item == "-":
        return "no path came on standard input"
    if Path(item).is_dir():
        return f"no image in this folder (looked for {', '.join(sorted(IMAGE_SUFFIXES))})"
    return "no file matches this pattern" if glob.has_magic(item) else "no such file"


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
    """One JSON object as one line on standard output."""
    print(json.dumps(value, ensure_ascii=False, default=str), flush=True)


def settings_values(settings: Any) -> dict[str, Any]:
    """Fields of a settings dataclass as JSON values."""
    return json.loads(json.dumps(dataclasses.asdict(settings), default=str))


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
        self._file.write(json.dumps(row, ensure_ascii=False) + "\n")
        self._file.flush()
        self.count += 1
        print(f"error: {error}", file=sys.stderr)


def close_run(*, done: int, errors: ErrorLog, what: str, where: Path) -> int:
    """Say what happened; the exit code is 2 when nothing succeeded, else 0."""
    failed = f", {errors.count} failed (see {errors.path})" if errors.count else ""
    print(f"{done} {what} written to {where}{failed}", file=sys.stderr)
    return 2 if errors.count and not done else 0
