"""Micro-batching: images of requests that arrive together are encoded together, in threads beside the event loop.

Of those that wait, images that go through the encoder in one pass are taken together, whichever requests they came with
and whatever their own sizes.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from PIL import Image

from tagalign.apps.server.grouping import choose_batch
from tagalign.apps.server.refusals import busy

EncodeImages = Callable[[Sequence[Image.Image]], Sequence[Any]]
AnswerOne = Callable[[Any, Image.Image], Any]
"""From an encoded image and its pixels to what is sent."""
Report = Callable[[int], None]


@dataclass(frozen=True, eq=False)
class Waiting:
    """One image, what encodes it, what it is for the encoder, what to ask about it, and who waits for the answer."""

    image: Image.Image
    encode: EncodeImages
    shape: Hashable
    answer: AnswerOne
    result: "asyncio.Future[Any]"


class Batcher:
    """Takes images with questions, answers them in batches.

    A batch is encoded at once; if that fails, image by image, so that one bad image does not spoil the others. Each of
    the ``workers`` threads does a batch at a time: two batches of one processor each are done sooner than one after the
    other of two.

    Attributes:
        waiting: how many jobs stand in the queue.
        working: how many batches are being done.
    """

    def __init__(
        self,
        encode: EncodeImages,
        *,
        max_batch: int,
        max_wait_s: float,
        max_queue: int,
        workers: int = 1,
        on_batch: Report = lambda size: None,
        on_line: Report = lambda waiting: None,
    ) -> None:
        self._encode = encode
        self._max_batch = max_batch
        self._max_wait_s = max_wait_s
        self._max_queue = max_queue
        self._on_batch = on_batch
        self._on_line = on_line
        self._workers = workers
        self._line: deque[Waiting] = deque()
        self._came = asyncio.Event()
        self._open = 0  # jobs that wait or are being done
        self._done = asyncio.Event()
        self._threads: ThreadPoolExecutor | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._closing = False
        self.working = 0

    @property
    def waiting(self) -> int:
        """Jobs in the queue."""
        return len(self._line)

    async def start(self) -> None:
        """Begin to work in the running event loop; may be done again after ``close``."""
        self._closing = False
        self._came, self._done = asyncio.Event(), asyncio.Event()
        self._threads = ThreadPoolExecutor(self._workers, thread_name_prefix="model")
        turn = asyncio.Lock()
        self._tasks = [asyncio.create_task(self._work(turn)) for _ in range(self._workers)]

    async def close(self) -> None:
        """Take no more jobs, finish those that wait, stop the threads."""
        self._closing = True
        while self._open:
            self._done.clear()
            await self._done.wait()
        for task in self._tasks:
            task.cancel()
        if self._threads is not None:
            await asyncio.to_thread(self._threads.shutdown)

    async def submit(
        self,
        image: Image.Image,
        answer: AnswerOne,
        encode: EncodeImages | None = None,
        *,
        shape: Hashable | None = None,
    ) -> Any:
        """Wait for ``answer(encoded, image)``.

        Args:
            image: upright, RGB.
            answer: see ``Answer``.
            encode: what encodes it, where that is not what encodes the others; images with equal ones share a batch.
            shape: equal for images that go through the encoder in one pass; the image's own size when None.

        Raises:
            Refusal: 503 when the queue is full or the server stops.
            TagalignError: when the image cannot be encoded, or from ``answer``.
        """
        if self._closing:
            raise busy("the server is stopping; ask another one or come back")
        if len(self._line) >= self._max_queue:
            raise busy(f"{self._max_queue} requests are waiting already; come back in a moment")
        kind = image.size if shape is None else shape
        job = Waiting(image, encode or self._encode, kind, answer, asyncio.get_running_loop().create_future())
        self._line.append(job)
        self._on_line(len(self._line))
        self._open += 1
        self._came.set()
        return await job.result

    async def run(self, work: Callable[[], Any]) -> Any:
        """Run something that needs the model and no image, in one of the model's threads."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def _work(self, turn: asyncio.Lock) -> None:
        while True:
            async with turn:  # one gathers at a time: two would halve each other's batches
                jobs = await self._collect()
            wanted = [job for job in jobs if not job.result.done()]  # done: the client's time was over
            for together in _by_encoder(wanted):
                await self._answer_all(together)
            self._open -= len(jobs)
            self._done.set()

    async def _answer_all(self, jobs: list[Waiting]) -> None:
        loop = asyncio.get_running_loop()

        def tell(job: Waiting, outcome: Any) -> None:  # at once: nobody waits for the others of a batch
            loop.call_soon_threadsafe(_deliver, job, outcome)

        self._on_batch(len(jobs))
        self.working += 1
        try:
            await self.run(lambda: self._answer(jobs, tell))
        finally:
            self.working -= 1

    async def _collect(self) -> list[Waiting]:
        """The next batch: of all that wait when it is full or the waiting time of the first is over."""
        while not self._line:
            self._came.clear()
            await self._came.wait()
        until = asyncio.get_running_loop().time() + self._max_wait_s
        while len(self._line) < self._max_batch and asyncio.get_running_loop().time() < until:
            await asyncio.sleep(self._max_wait_s / 4)
        chosen = choose_batch(self._line, self._max_batch, _pass)
        jobs = [self._line[place] for place in chosen]
        taken = set(chosen)
        self._line = deque(job for place, job in enumerate(self._line) if place not in taken)
        self._on_line(len(self._line))
        return jobs

    def _answer(self, jobs: Sequence[Waiting], tell: Callable[[Waiting, Any], None]) -> None:
        """Tell answers and errors, each as soon as it is there; runs in one of the model's threads."""
        try:
            encoded = jobs[0].encode([job.image for job in jobs])
        except Exception as error:
            if len(jobs) == 1:
                tell(jobs[0], error)
                return
            for job in jobs:  # one by one, to find whose image it was; a lone one gets the error itself
                self._answer([job], tell)
            return
        for job, value in zip(jobs, encoded, strict=True):
            tell(job, _try(job, value))


def _pass(job: Waiting) -> Hashable:
    """Equal for jobs that go through the encoder in one pass."""
    return job.encode, job.shape


def _by_encoder(jobs: Sequence[Waiting]) -> list[list[Waiting]]:
    """Jobs that are encoded alike, in the order in which the first of each came."""
    groups: dict[EncodeImages, list[Waiting]] = {}
    for job in jobs:
        groups.setdefault(job.encode, []).append(job)
    return list(groups.values())


def _try(job: Waiting, encoded: Any) -> Any:
    if job.result.done():  # the client's time was over while others of the batch were answered
        return None
    try:
        return job.answer(encoded, job.image)
    except Exception as error:
        return error


def _deliver(job: Waiting, outcome: Any) -> None:
    if job.result.done():
        return
    if isinstance(outcome, Exception):
        job.result.set_exception(outcome)
    else:
        job.result.set_result(outcome)
