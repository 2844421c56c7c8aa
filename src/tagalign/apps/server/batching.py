"""Micro-batching: images of requests that arrive together are encoded together, in one thread beside the event loop."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from PIL import Image

from tagalign.apps.server.refusals import busy

Encode = Callable[[Sequence[Image.Image]], Sequence[Any]]
Answer = Callable[[Any, Image.Image], Any]
"""From an encoded image and its pixels to what is sent."""
Report = Callable[[int], None]


@dataclass(frozen=True, eq=False)
class Job:
    """One image, what to ask about it, and who waits for the answer."""

    image: Image.Image
    answer: Answer
    result: "asyncio.Future[Any]"


class Batcher:
    """Takes images with questions, answers them in batches.

    A batch is encoded at once; if that fails, image by image, so that one bad image does not spoil the others. All
    work is done in one thread, so questions need no locks.

    Attributes:
        waiting: how many jobs stand in the queue.
    """

    def __init__(
        self,
        encode: Encode,
        *,
        max_batch: int,
        max_wait_s: float,
        max_queue: int,
        on_batch: Report = lambda size: None,
    ) -> None:
        self._encode = encode
        self._max_batch = max_batch
        self._max_wait_s = max_wait_s
        self._max_queue = max_queue
        self._on_batch = on_batch
        self._queue: asyncio.Queue[Job] = asyncio.Queue(max_queue)
        self._thread: ThreadPoolExecutor | None = None
        self._loop_task: asyncio.Task[None] | None = None
        self._closing = False

    @property
    def waiting(self) -> int:
        """Jobs in the queue."""
        return self._queue.qsize()

    async def start(self) -> None:
        """Begin to work in the running event loop; may be done again after ``close``."""
        self._closing = False
        self._queue = asyncio.Queue(self._max_queue)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="model")
        self._loop_task = asyncio.create_task(self._work())

    async def close(self) -> None:
        """Take no more jobs, finish those that wait, stop the thread."""
        self._closing = True
        await self._queue.join()
        if self._loop_task is not None:
            self._loop_task.cancel()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.shutdown)

    async def submit(self, image: Image.Image, answer: Answer) -> Any:
        """Wait for ``answer(encoded, image)``.

        Raises:
            Refusal: 503 when the queue is full or the server stops.
            TagalignError: when the image cannot be encoded, or from ``answer``.
        """
        if self._closing:
            raise busy("the server is stopping; ask another one or come back")
        job = Job(image, answer, asyncio.get_running_loop().create_future())
        try:
            self._queue.put_nowait(job)
        except asyncio.QueueFull:
            raise busy(f"{self._queue.maxsize} requests are waiting already; come back in a moment") from None
        return await job.result

    async def run(self, work: Callable[[], Any]) -> Any:
        """Run something that needs the model and no image, in the model's thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def _work(self) -> None:
        while True:
            jobs = await self._collect()
            wanted = [job for job in jobs if not job.result.done()]  # done: the client's time was over
            if wanted:
                self._on_batch(len(wanted))
                outcomes = await self.run(lambda jobs=wanted: self._answer(jobs))  # type: ignore[misc]
                for job, outcome in zip(wanted, outcomes, strict=True):
                    _deliver(job, outcome)
            for _ in jobs:
                self._queue.task_done()

    async def _collect(self) -> list[Job]:
        """The next job, and those that come within the waiting time, up to the size of a batch."""
        jobs = [await self._queue.get()]
        until = asyncio.get_running_loop().time() + self._max_wait_s
        while len(jobs) < self._max_batch:
            try:
                jobs.append(self._queue.get_nowait())
            except asyncio.QueueEmpty:
                if asyncio.get_running_loop().time() >= until:
                    break
                await asyncio.sleep(self._max_wait_s / 4)
        return jobs

    def _answer(self, jobs: Sequence[Job]) -> list[Any]:
        """Answers and errors, in the order of the jobs; runs in the model's thread."""
        try:
            encoded = self._encode([job.image for job in jobs])
        except Exception as error:
            # one by one, to find whose image it was; a lone one gets the error itself
            return [error] if len(jobs) == 1 else [self._answer([job])[0] for job in jobs]
        return [_try(job, value) for job, value in zip(jobs, encoded, strict=True)]


def _try(job: Job, encoded: Any) -> Any:
    try:
        return job.answer(encoded, job.image)
    except Exception as error:
        return error


def _deliver(job: Job, outcome: Any) -> None:
    if job.result.done():
        return
    if isinstance(outcome, Exception):
        job.result.set_exception(outcome)
    else:
        job.result.set_result(outcome)
