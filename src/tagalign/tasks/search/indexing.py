"""Photos on their way into a search index: the same road, whose parts are those of the index.

A run that was stopped waits in the folder of the index (``run-00000-of-00001.json``) until the same command is given again;
one that ended leaves nothing but the parts and ``errors.jsonl``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, ClassVar

from PIL import Image

from tagalign.labels import LabelSet
from tagalign.methods.protocols import Method
from tagalign.tasks.photos.inputs import Inputs
from tagalign.tasks.photos.job import Job
from tagalign.tasks.photos.opened import OpenedPhoto
from tagalign.tasks.photos.questions import TAG_WINDOW, Asked, QuestionKind, check_look
from tagalign.tasks.photos.rows import count_rows
from tagalign.tasks.photos.run import PART_SIZE, PhotoRun, close_run, open_run
from tagalign.tasks.photos.stream import Answered
from tagalign.tasks.photos.tables import AnswerRow, Table
from tagalign.tasks.search.files import own_head, part_paths, stored_keys, write_part
from tagalign.tasks.search.head import IndexHead
from tagalign.tasks.search.rankers import RankedPhoto, ranker_for


@dataclass(frozen=True, kw_only=True)
class IndexQuestion:
    """What an index keeps of a photo.

    Attributes:
        labels: tags that a dense CLIP shall look for; None for none, or for a method with its own.
    """

    kind: ClassVar[QuestionKind] = "index"
    window: ClassVar[int] = TAG_WINDOW
    keeps_photo: ClassVar[bool] = False

    labels: LabelSet | None = None

    def put(self, method: Method[Any]) -> "AskedRanks":
        """See ``Question``."""
        return AskedRanks(self, method)

    def describe(self) -> dict[str, object]:
        """See ``Question``."""
        return {"label_set": None if self.labels is None else asdict(self.labels)}


class AskedRanks(Asked):
    """``IndexQuestion``, put to a method that search can use; its ranker encodes by itself."""

    def __init__(self, question: IndexQuestion, method: Any) -> None:
        super().__init__(question, method)
        if question.labels is not None:
            check_look(method, question.labels)
        self.ranker = ranker_for(method, question.labels)

    @property
    def window(self) -> int:
        """See ``Asked``; where photos are held themselves, which can be large, one batch."""
        return super().window if self.ranker.lays_ahead else 1

    def lay(self, image: Image.Image) -> Any:
        """See ``Asked``."""
        return self.ranker.lay(image) if self.ranker.lays_ahead else None

    def pass_shape(self, read: OpenedPhoto) -> tuple[int, ...]:
        """See ``Asked``; whole photos, not the views that a dense method lays."""
        return read.shape

    def encode(self, chunk: Sequence[OpenedPhoto]) -> list[RankedPhoto]:
        """See ``Asked``."""
        if chunk[0].pixels is not None:
            return list(self.ranker.embed_laid([r.pixels for r in chunk], [r.size for r in chunk]))
        return list(self.ranker.embed_photos([r.image for r in chunk if r.image is not None]))

    def answers(self, encoded: Sequence[Any], photos: Sequence[Image.Image | None]) -> list[RankedPhoto]:
        """See ``Asked``."""
        return list(encoded)


@dataclass(frozen=True, kw_only=True)
class IndexTable(Table):
    """Parts of an index; its head is written before the first of them that holds a photo.

    Attributes:
        model: identity of the ranker.
        tag_names: what the tag ids mean.
    """

    model: Mapping[str, Any]
    tag_names: tuple[str, ...]

    def write(self, path: Path, rows: Sequence[AnswerRow]) -> None:
        """See ``Table``."""
        head = own_head(path.parent, self.model, self.tag_names)
        if head is None and rows:
            head = IndexHead(model=self.model, dim=len(rows[0]["photo"].embed), tag_names=self.tag_names)
            head.write(path.parent)
        write_part(path, [(row["key"], row["photo"]) for row in rows], 1 if head is None else head.dim)

    def count(self, paths: Any) -> int:
        """See ``Table``."""
        return count_rows(paths)


@dataclass(frozen=True, kw_only=True)
class IndexRun(PhotoRun):
    """A run whose parts are those of an index.

    Attributes:
        first: number of its first part.
    """

    first: int = 0

    def part_path(self, number: int) -> Path:
        """See ``PhotoRun``."""
        return self.folder / f"part-{self.first + number:06d}.parquet"


@dataclass(frozen=True, kw_only=True)
class IndexRows:
    """The sink of an index."""

    table: IndexTable
    files: tuple[str, ...] = ()

    def row(self, job: Job, answered: Answered) -> AnswerRow:
        """See ``Sink``."""
        return {"key": answered.source.key, "photo": answered.answer}


def open_index_run(
    folder: Path, inputs: Inputs, job: Job, sink: IndexRows, *, part_size: int = PART_SIZE
) -> IndexRun:
    """Begin to add photos that are not there yet, or go on with what was stopped.

    Raises:
        DataError: if another model made the index.
        InputError: if other photos were about to be added when it was stopped.
    """
    own_head(folder, sink.table.model, sink.table.tag_names)
    place = folder / "run-first.json"
    if (folder / "run-00000-of-00001.json").exists() and place.exists():
        first = int(place.read_text(encoding="utf-8"))
        known: set[str] = set()  # not asked: the list stands
    else:
        first = 1 + max((int(path.stem.removeprefix("part-")) for path in part_paths(folder)), default=-1)
        known = set(stored_keys(folder))
        _write_first(place, first)
    described: dict[str, object] = {
        "kind": "index",
        "model": dict(sink.table.model),
        "tags": list(sink.table.tag_names),
    }
    described |= {"fast_decode": True} if job.spec.fast_decode else {}
    run = open_run(
        described, inputs, folder, sink, part_size=part_size, keep=lambda source: source.key not in known
    )
    values = {one.name: getattr(run, one.name) for one in fields(run)}
    return IndexRun(**values, first=first)


def close_index_run(run: IndexRun) -> Path | None:
    """Take away what only a stopped run needs; returns ``errors.jsonl`` where a photo failed.

    The head of the run goes first: from then on it is over, and a kill leaves nothing that the next run minds.
    """
    errors, _ = close_run(run)
    for path in run.parts():
        if not count_rows([path]):
            path.unlink()
    (run.folder / "run-00000-of-00001.json").unlink(missing_ok=True)
    for pattern in ("run-first.json", "inputs-*-of-*.jsonl", "errors/part-*-of-*", "notes/part-*-of-*"):
        for path in run.folder.glob(pattern):
            path.unlink()
    for name in ("errors", "notes"):
        if (run.folder / name).is_dir() and not any((run.folder / name).iterdir()):
            (run.folder / name).rmdir()
    return errors


def _write_first(path: Path, first: int) -> None:
    from tagalign.atomic import atomic_write

    with atomic_write(path) as temp:
        temp.write_text(f"{first}\n", encoding="utf-8")
