"""What the verbs share: the model's flags, progress, error lists, JSON lines, the warning about ``tiny``."""

import dataclasses
import json
import sys
from collections.abc import Iterable, Iterator, Sized
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from tagalign.backbones.models import AUTO, photo_model
from tagalign.errors import InputError, TagalignError
from tagalign.json_text import json_text

if TYPE_CHECKING:
    from tagalign.methods.options import Verb

TINY = "tiny"
PHOTO_MODEL = photo_model()


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelFlags:
    """Flags of every verb that runs a model."""

    model: str = AUTO
    """`auto` (the photo model, fetched at the first use), a model folder, a hub id (name@revision too), `tiny` (drawn
    scenes only)."""
    allow_pickle: bool = False
    """Open weights that are there as a pickle alone, of a repository not in `tagalign models`; nothing in it is run."""
    method: str | None = None
    """How it answers (`tagalign methods` lists all); by default what the folder was trained for, else the verb's own."""
    profile: str | None = None
    """`paper`, `released` or `fixed`; by default the method's own."""
    option: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    """name=value of an option of the method, as often as needed (`tagalign methods NAME` lists them)."""
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

    def options(self, verb: "Verb", **flags: Any) -> dict[str, Any]:
        """Keyword arguments for ``tagalign.load``: the method that answers the verb, and its options.

        Args:
            verb: what is asked.
            flags: options of the method that the verb has flags for; None where the flag was not given.

        Raises:
            InputError: for a method that cannot answer, or an option that is given twice.
        """
        from tagalign.methods.load import trained_type
        from tagalign.methods.table import method_for

        method = method_for(verb, asked=self.method, trained=trained_type(self.model))
        return {"method": method, **self._opening()} | self.method_options(**flags)

    def job_facts(self, verb: "Verb", **flags: Any) -> dict[str, Any]:
        """Fields of a ``JobSpec`` that the flags of the model decide; see ``options``."""
        options = self.options(verb, **flags)
        taken = {name: options.pop(name) for name in ("method", "device", "batch_size")}
        return {"model": self.model, "options": options, **taken}

    def whole_model_options(self) -> dict[str, Any]:
        """Keyword arguments for ``tagalign.load`` of verbs that ask everything: without a method, each verb's default."""
        given = self._opening() | self.method_options()
        return given if self.method is None else given | {"method": self.method}

    def _opening(self) -> dict[str, Any]:
        """Keyword arguments that are no options of a method."""
        given: dict[str, Any] = {"device": self.device, "batch_size": self.batch_size}
        return given | ({"allow_pickle": True} if self.allow_pickle else {})

    def method_options(self, **flags: Any) -> dict[str, Any]:
        """What ``--profile``, ``--option`` and the verb's own flags say about the method; nothing that was not given.

        Raises:
            InputError: for an option that is given twice.
        """
        from tagalign.methods.options import split_assignments

        given = {
            name: value for name, value in {"profile": self.profile, **flags}.items() if value is not None
        }
        named = split_assignments(self.option)
        if twice := given.keys() & named.keys():
            name = min(twice)
            raise InputError(f"option {name!r} is given by its flag and by --option; leave one out")
        return given | named


def parse_shard(shard: str) -> tuple[int, int]:
    """``i/n`` with 0 <= i < n.

    Raises:
        InputError: for anything else.
    """
    index, _, count = shard.partition("/")
    if not (index.isdecimal() and count.isdecimal() and int(index) < int(count)):
        raise InputError(f"--shard must be i/n with 0 <= i < n, e.g. 0/4, got {shard!r}")
    return int(index), int(count)


def check_text(flag: str, text: str | None) -> None:
    """Refuse words that are no text: what a shell of another encoding passes on.

    Raises:
        InputError: naming the flag.
    """
    try:
        (text or "").encode()
    except UnicodeEncodeError as error:
        shown = (text or "").encode("utf-8", "backslashreplace").decode()
        raise InputError(f"{flag} {shown!r}: expected UTF-8 text; give it in UTF-8, or in a file") from error


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
