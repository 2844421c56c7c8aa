"""A function over a stream, by several processes, in order, with a bounded number of items under way."""

import gc
import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any

AHEAD = 3  # items under way per worker: enough to never wait, few enough to stay small

_task: Callable[[Any], Any]


@contextmanager
def ordered_map(
    task: Callable[[Any], Any], *, workers: int
) -> Iterator[Callable[[Iterable[Any]], Iterator[Any]]]:
    """Give a function that maps streams through ``task``, results in the order of the items.

    Args:
        task: can be pickled; it is sent once to each worker.
        workers: processes; 1 works in this one.
    """
    if workers <= 1:
        yield lambda items: map(task, items)
        return
    # One thread each: the processes share the cores. "spawn": the parent may hold threads (CUDA, BLAS, progress bars).
    threads = {
        name: os.environ.get(name) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    }
    os.environ.update(dict.fromkeys(threads, "1"))
    executor = ProcessPoolExecutor(
        workers, multiprocessing.get_context("spawn"), initializer=_remember, initargs=(task,)
    )
    try:
        yield lambda items: _run(executor, items, ahead=AHEAD * workers)
    finally:
        executor.shutdown(cancel_futures=True)
        for name, value in threads.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _run(executor: ProcessPoolExecutor, items: Iterable[Any], *, ahead: int) -> Iterator[Any]:
    pending = deque[Future[Any]]()
    for item in items:
        pending.append(executor.submit(_apply, item))
        if len(pending) >= ahead:
            yield pending.popleft().result()
    while pending:
        yield pending.popleft().result()


def _remember(task: Callable[[Any], Any]) -> None:
    global _task
    _task = task
    gc.freeze()
    # results are many small values without cycles; looking for them took a tenth of the time
    gc.set_threshold(100_000)


def _apply(item: Any) -> Any:
    return _task(item)
