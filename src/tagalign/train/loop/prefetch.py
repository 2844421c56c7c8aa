"""The next batches are made while the current one is trained on. Knows no method."""

import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

Item = TypeVar("Item")


def prefetched(
    items: Iterator[Item], *, depth: int = 2, prepare: Callable[[Item], Item] | None = None
) -> Iterator[Item]:
    """The same items in the same order, made up to ``depth`` ahead by a thread.

    Args:
        items: read by the thread alone.
        depth: items that may wait.
        prepare: done to each item in the thread, e.g. a copy into page-locked memory.

    Raises:
        Exception: whatever ``items`` raises, at its place in the order.
    """
    waiting: queue.Queue[tuple[str, Any]] = queue.Queue(maxsize=depth)
    closed = threading.Event()

    # with a timeout: a reader that went away must not leave the thread waiting for room for ever
    def put(kind: str, value: Any) -> None:
        while not closed.is_set():
            try:
                waiting.put((kind, value), timeout=0.1)
                return
            except queue.Full:
                continue

    def work() -> None:
        try:
            for item in items:
                put("item", item if prepare is None else prepare(item))
                if closed.is_set():
                    return
            put("end", None)
        except BaseException as error:  # also what ends a process: it is raised where the item is awaited
            put("error", error)

    thread = threading.Thread(target=work, daemon=True, name="prefetch")
    thread.start()
    try:
        while True:
            kind, value = waiting.get()
            if kind == "error":
                raise value
            if kind == "end":
                return
            yield value
    finally:
        closed.set()
        thread.join(timeout=5)
