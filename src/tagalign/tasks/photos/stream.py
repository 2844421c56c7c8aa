"""Photos through a model: decoded in threads ahead of it, encoded in batches of one size, answered in their order.

What cannot be opened or answered comes with its error, and the rest goes on.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

from PIL import Image

from tagalign.backbones.preprocess import SeenSize
from tagalign.errors import NotFiniteError, TagalignError
from tagalign.labels import Size
from tagalign.tasks.photos.full_size import at_full_size
from tagalign.tasks.photos.keys import printable
from tagalign.tasks.photos.opened import OpenedPhoto
from tagalign.tasks.photos.questions import Asked
from tagalign.tasks.photos.source import PhotoSource

Again = Callable[[Sequence[Image.Image]], Sequence[Any]]

SAID = 1000
"""Characters of an error that are kept."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Answered:
    """What became of one photo.

    Attributes:
        source: of the photo.
        size: ``(height, width)`` of the photo; None where it failed.
        answer: of the kind of the question: ``Tagging``, ``Segmentation``, ``Referring``, ``Caption``, ``str``, ...
        image: what was decoded of the photo, where the question keeps it.
        encoded: what the method made of it.
        second: a second answer, where one was asked for.
        note: what was done to its values, if anything.
        error: why it failed.
    """

    source: PhotoSource
    size: Size | None = None
    answer: Any = None
    image: Image.Image | None = None
    encoded: Any = None
    second: Any = None
    note: str | None = None
    error: TagalignError | None = None

    def error_row(self) -> dict[str, str]:
        """For ``errors.jsonl``."""
        message = printable(str(self.error))[:SAID]
        return {"path": self.source.key, "error": type(self.error).__name__, "message": message}

    def note_row(self) -> dict[str, str]:
        """For ``notes.jsonl``."""
        return {"path": self.source.key, "note": self.note or ""}


def answer_photos(
    asked: Asked,
    sources: Iterable[PhotoSource],
    *,
    batch_size: int,
    workers: int = 2,
    again: Again | None = None,
    seen: SeenSize | None = None,
) -> Iterator[Answered]:
    """Answers in the order of the sources.

    Memory holds two windows of photos and the encodings of one batch, however many photos there are.

    Args:
        asked: the question, put to an opened model.
        sources: the photos.
        batch_size: photos in one pass.
        workers: threads that decode.
        again: answers a second time, from the photos of a batch.
        seen: where less of a large JPEG is decoded; masks are enlarged to the photo then.
    """
    # larger than a batch: photos of one size find each other in it, and answers still come in order
    window = max(1, batch_size * asked.window)
    pool = ThreadPoolExecutor(max(1, workers))
    try:
        chunk: list[OpenedPhoto] = []
        opened = partial(_open, asked, keeps_photo=again is not None, seen=seen)
        for read in _ahead(pool, opened, sources, depth=max(window, workers)):
            chunk.append(read)
            if len(chunk) == window:
                yield from _answer_window(asked, chunk, batch_size, again)
                chunk = []
        yield from _answer_window(asked, chunk, batch_size, again)
    finally:
        # who stops in the middle does not wait for what nobody will ask for
        pool.shutdown(wait=True, cancel_futures=True)


# --- reading, in threads ----------------------------------------------------------------------------------------------


def _ahead(
    pool: ThreadPoolExecutor,
    opened: Callable[[PhotoSource], OpenedPhoto],
    sources: Iterable[PhotoSource],
    *,
    depth: int,
) -> Iterator[OpenedPhoto]:
    """Photos in order, at most ``depth`` of them under way or waiting."""
    waiting: deque[Future[OpenedPhoto]] = deque()
    for source in sources:
        waiting.append(pool.submit(opened, source))
        if len(waiting) >= depth:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _open(asked: Asked, source: PhotoSource, *, keeps_photo: bool, seen: SeenSize | None) -> OpenedPhoto:
    recalled = asked.recall(source)
    if recalled is not None:
        return recalled
    try:
        image = source.open(seen)
        pixels = asked.lay(image)
    except TagalignError as error:
        return OpenedPhoto(source=source, error=error)
    keeps_photo = keeps_photo or asked.question.keeps_photo or pixels is None
    return OpenedPhoto(
        source=source,
        image=image if keeps_photo else None,
        pixels=pixels,
        size=(image.height, image.width),
        full_size=image.info.get("full_size"),
        seen=seen,
        note=image.info.get("note"),
    )


# --- answering --------------------------------------------------------------------------------------------------------


def _answer_window(
    asked: Asked, window: Sequence[OpenedPhoto], batch_size: int, again: Again | None
) -> Iterator[Answered]:
    """Answers in the order of the photos; batches hold photos that share a pass."""
    found: dict[int, Answered] = {
        i: Answered(source=read.source, error=read.error)
        for i, read in enumerate(window)
        if read.error is not None
    }
    for ids in _batches(asked, window, batch_size):
        found.update(zip(ids, _try(asked, [window[i] for i in ids], again), strict=True))
    yield from (found[i] for i in range(len(window)))


def _batches(asked: Asked, window: Sequence[OpenedPhoto], batch_size: int) -> Iterator[list[int]]:
    by_shape: dict[tuple[int, ...], list[int]] = {}
    for i, read in enumerate(window):
        if read.error is None:
            by_shape.setdefault(asked.pass_shape(read), []).append(i)
    step = max(1, batch_size)
    for ids in by_shape.values():
        yield from (ids[start : start + step] for start in range(0, len(ids), step))


def _try(asked: Asked, chunk: Sequence[OpenedPhoto], again: Again | None) -> list[Answered]:
    """All together; where that fails, one by one, so that one photo does not take the others along."""
    try:
        encoded = asked.encode(chunk)
        answers = asked.answers(encoded, [read.image for read in chunk])
        second = [None] * len(chunk) if again is None else again([r.image for r in chunk if r.image])
        answers, second = _on_photos(answers, chunk), _on_photos(second, chunk)
        finished = [asked.finish(answer, read) for answer, read in zip(answers, chunk, strict=True)]
    except TagalignError as error:
        if isinstance(error, NotFiniteError) and error.by_weights:
            raise  # no photo will do better
        if len(chunk) == 1:
            return [Answered(source=chunk[0].source, error=error)]
        return [answered for read in chunk for answered in _try(asked, [read], again)]
    return [
        Answered(
            source=read.source,
            size=read.photo_size,
            answer=answer,
            image=read.image,
            encoded=value,
            second=other,
            note="; ".join(said for said in (read.note, note) if said) or None,
        )
        for read, value, (answer, note), other in zip(chunk, encoded, finished, second, strict=True)
    ]


def _on_photos(answers: Sequence[Any], chunk: Sequence[OpenedPhoto]) -> list[Any]:
    """The answers as large as the photos in their files, where less was decoded."""
    return [
        answer if read.full_size is None else at_full_size(answer, read.full_size)
        for answer, read in zip(answers, chunk, strict=True)
    ]
