"""One evaluation: images through a method in fixed batches, one row per image, stopped and resumed at will."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from PIL import Image

from tagalign.data.benchmarks.records import BenchmarkSet
from tagalign.errors import DataError, ImageError, TagalignError
from tagalign.evaluate.rows import Row, RowStore, evaluation_mark

Watch = Callable[[Iterable[Row], int], Iterable[Row]]
"""Passes rows on, with their number known; a progress bar."""


@runtime_checkable
class Asker(Protocol):
    """What is asked of a method about each image of a benchmark."""

    @property
    def kind(self) -> str:
        """Of the benchmark; decides how rows are scored."""
        ...

    @property
    def data(self) -> BenchmarkSet:
        """The benchmark."""
        ...

    def truth(self, index: int) -> Any:
        """What is true of one image; called in a thread, ahead of the model.

        Raises:
            DataError: if its file cannot be used.
        """
        ...

    def encode(self, images: Sequence[Image.Image]) -> Sequence[Any]:
        """Encode a batch."""
        ...

    def rows(self, encoded: Sequence[Any], images: Sequence[Image.Image], truths: Sequence[Any]) -> list[Row]:
        """Answers for a batch, compared with the truth; one row per image."""
        ...

    def settings(self) -> dict[str, Any]:
        """Everything beside the images that may change a row."""
        ...

    def scoring(self) -> dict[str, Any]:
        """What the scores need beside the rows, such as the names of the classes."""
        ...


def _silent(rows: Iterable[Row], total: int) -> Iterable[Row]:
    return rows


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How an evaluation runs; nothing here but ``batch_size`` and ``limit`` can change a row.

    Attributes:
        out: folder of the rows; None keeps them in memory.
        batch_size: images encoded together; batches are the same in every run, so a resumed run gives the same numbers.
        workers: threads that read images and masks one batch ahead.
        limit: only the first images; None for all.
        shard: ``(i, n)``: every n-th batch from the i-th on.
        watch: a progress bar.
        facts: what else is true of the data, such as that they are drawn; stands with the settings of the result.
    """

    out: Path | None = None
    batch_size: int = 8
    workers: int = 2
    limit: int | None = None
    shard: tuple[int, int] = (0, 1)
    watch: Watch = _silent
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Gathered:
    """What came out of a run.

    Attributes:
        rows: by index, ascending.
        failures: image key and error of each image that has no row.
        pending: images that other shards still have to do.
        listed: images that were to be measured.
        settings: of the asker; the fingerprint belongs to them.
    """

    rows: list[Row]
    failures: list[tuple[str, TagalignError]] = field(default_factory=list)
    pending: int = 0
    listed: int = 0
    settings: dict[str, Any] = field(default_factory=dict)


def gather(asker: Asker, plan: Plan) -> Gathered:
    """Measure every image that has no row yet.

    A missing or damaged image or mask is noted and the run goes on; any other error stops it. Rows of finished batches
    stay in ``plan.out``.
    """
    total = len(asker.data) if plan.limit is None else min(plan.limit, len(asker.data))
    settings = asker.settings() | {"batch_size": plan.batch_size, "limit": plan.limit, **plan.facts}
    store = RowStore(plan.out, evaluation_mark(settings), shard=plan.shard)
    _check_keys(asker.data, store.rows, total)
    failures: dict[int, TagalignError] = {}
    batches = _open_batches(total, plan, store.rows)
    rows = _measure(asker, batches, store, failures, plan.workers)
    for _ in plan.watch(rows, sum(map(len, batches))):
        pass
    store.refresh()
    kept = [store.rows[i] for i in range(total) if i in store.rows]
    pending = total - len(kept) - len(failures)
    return Gathered(
        rows=kept,
        failures=[(asker.data.key(i), failures[i]) for i in sorted(failures)],
        pending=pending,
        listed=total,
        settings=settings,
    )


def _open_batches(total: int, plan: Plan, rows: dict[int, Row]) -> list[range]:
    """Batches of this shard with at least one image without row; a batch is measured whole or not at all."""
    index, count = plan.shard
    batches = [range(i, min(i + plan.batch_size, total)) for i in range(0, total, plan.batch_size)]
    return [batch for batch in batches[index::count] if not all(i in rows for i in batch)]


def _check_keys(data: BenchmarkSet, rows: dict[int, Row], total: int) -> None:
    for i in sorted(rows)[:1] + sorted(rows)[-1:]:
        if i < total and rows[i]["key"] != data.key(i):
            raise DataError(
                f"the stored rows have image {rows[i]['key']!r} where the data has {data.key(i)!r}; the data changed, "
                "choose another --out"
            )


OpenedExample = tuple[int, Image.Image | None, Any, TagalignError | None]


def _measure(
    asker: Asker, batches: Sequence[range], store: RowStore, failures: dict[int, TagalignError], workers: int
) -> Iterator[Row]:
    with ThreadPoolExecutor(max(1, workers)) as pool:
        ahead = _submit(pool, asker, batches[0]) if batches else []
        for number, _ in enumerate(batches):
            opened = [future.result() for future in ahead]
            # before the model is asked, so that the threads read while it answers
            ahead = _submit(pool, asker, batches[number + 1]) if number + 1 < len(batches) else []
            # who cannot be read is no wrong answer: there is no row, and no number unless missing images are allowed
            failures.update({i: error for i, _, _, error in opened if error is not None})
            rows = _rows_of_batch(
                asker, [(i, image, truth) for i, image, truth, _ in opened if image is not None]
            )
            store.add(rows)
            yield from rows


def _submit(pool: ThreadPoolExecutor, asker: Asker, batch: range) -> list[Future[OpenedExample]]:
    return [pool.submit(_open, asker, i) for i in batch]


def _open(asker: Asker, index: int) -> OpenedExample:
    try:
        return index, asker.data.image(index), asker.truth(index), None
    except (ImageError, DataError) as error:
        return index, None, None, error


def _rows_of_batch(asker: Asker, opened: Sequence[tuple[int, Image.Image, Any]]) -> list[Row]:
    if not opened:
        return []
    images = [image for _, image, _ in opened]
    answers = asker.rows(asker.encode(images), images, [truth for _, _, truth in opened])
    places = [{"i": i, "key": asker.data.key(i)} for i, _, _ in opened]
    return [place | answer for place, answer in zip(places, answers, strict=True)]
