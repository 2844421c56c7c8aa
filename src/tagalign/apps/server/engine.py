"""The model behind the server: questions about images go through one batcher, everything else into its thread."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Protocol, runtime_checkable

import torch
from PIL import Image

from tagalign.apps.server.batching import AnswerOne, Batcher
from tagalign.apps.server.deadline import ended
from tagalign.apps.server.inputs import Fetch, decode_image
from tagalign.apps.server.limits import Limits
from tagalign.apps.server.metrics import Metrics
from tagalign.apps.server.refusals import Refusal, busy, invalid, passes
from tagalign.apps.server.room import Room
from tagalign.apps.server.schemas import SearchRequest
from tagalign.apps.variants.variants import Variant, Variants, VerbEncoder
from tagalign.errors import TagalignError
from tagalign.option_fields import Verb
from tagalign.tasks.model import Model
from tagalign.types import EncodedLabels, Ranking


@runtime_checkable
class Searcher(Protocol):
    """What answers ``/v1/search``; see ``tasks.search.engine``."""

    def by_text(self, query: str, *, count: int, tag_weight: float | None, rerank: int) -> Ranking:
        """Photos that fit words."""
        ...

    def by_photo(self, photo: Image.Image, *, count: int, tag_weight: float | None) -> Ranking:
        """Photos like a photo."""
        ...


DECODERS = 2
READERS = 8
"""Threads that wait for hosts and disks; those that decode never do, or two slow addresses would hold up every upload."""
Load = Callable[[], bytes]
LabelEntries = Sequence[str | Mapping[str, Any]]
"""As ``load_label_set`` takes them."""


class Engine:
    """Answers questions within the server's limits.

    Attributes:
        model: what answers.
        limits: of the server.
        fetch: gets images by address; None where that is off.
    """

    def __init__(
        self, model: Model, *, limits: Limits, metrics: Metrics, fetch: Fetch | None, search: Searcher | None
    ) -> None:
        self.model = model
        self.limits = limits
        self.fetch = fetch
        self._search = search
        self._variants = Variants(model, before=self._share_cores)
        self._cores = torch.get_num_threads()
        self._decoders: ThreadPoolExecutor | None = None
        self._readers: ThreadPoolExecutor | None = None
        self._room = Room(1, 1)
        self._batcher = Batcher(
            self._variants.own.encode,
            max_batch=limits.max_batch,
            max_wait_s=limits.max_wait_ms / 1000,
            max_queue=limits.max_queue,
            workers=limits.workers,
            on_batch=metrics.batch.observe,
            on_line=metrics.waiting.set,
        )

    async def start(self) -> None:
        """Begin to answer; may be done again after ``close``."""
        self._decoders = ThreadPoolExecutor(DECODERS, thread_name_prefix="decode")
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="read")
        self._room = Room(self.limits.max_batch * (self.limits.workers + 1), self.limits.max_queue)
        await self._batcher.start()

    async def close(self) -> None:
        """Finish what waits, then stop."""
        await self._batcher.close()
        if self._readers is not None and self._decoders is not None:
            # nobody waits any more for what was not fetched in time
            self._readers.shutdown(cancel_futures=True)
            self._decoders.shutdown()

    async def ask(
        self,
        source: bytes | str,
        answer: AnswerOne,
        variant: Variant | None = None,
        *,
        verb: Verb,
        entries: LabelEntries | None = None,
    ) -> Any:
        """Decode an image and answer a question about it.

        Args:
            source: an encoded image, or an address on the server's list.
            answer: see ``batching.Answer``; runs in one of the model's threads.
            variant: what encodes the image; the model as it was started when None.
            verb: that is asked.
            entries: labels that ``answer`` will want; new ones are encoded while the image is decoded.

        Raises:
            TagalignError: if the image or the question cannot be used.
            Refusal: 503 when there is no room or no time.
        """
        variant = variant or self._variants.own
        encoder = variant.encoder(verb)
        if entries is not None and not variant.holds(entries):
            ahead = asyncio.ensure_future(self._batcher.run(lambda: encoder.read_ahead(entries)))
            ahead.add_done_callback(_forget)
        return await self._in_time(self._ask(source, answer, encoder))

    async def _ask(self, source: bytes | str, answer: AnswerOne, encoder: VerbEncoder) -> Any:
        image = await self._opened(source)
        return await self._batcher.submit(image, answer, encoder, shape=encoder.shape(image))

    async def _opened(self, source: bytes | str | Load) -> Image.Image:
        if isinstance(source, str):
            if self.fetch is None:
                raise invalid("image_url: this server fetches nothing; send the image itself")
            source = partial(self.fetch, source)
        loop = asyncio.get_running_loop()
        data = source if isinstance(source, bytes) else await loop.run_in_executor(self._readers, source)
        return await loop.run_in_executor(self._decoders, decode_image, data, self.limits)

    async def ask_together(
        self,
        loads: Sequence[Load],
        answers: Sequence[AnswerOne],
        *,
        within_s: float | None = None,
    ) -> list[Any]:
        """Decode several images and answer a question about each; they go through the model together, a batch at a time.

        Args:
            loads: give the bytes of each image; run in threads.
            answers: one per image, as in ``ask``.
            within_s: for all of them; the time of one request when None.

        Returns:
            Answers in order; the error of the library in the place of an image that cannot be answered, and a refusal
            with 503 in the place of one whose turn did not come in time.

        Raises:
            Refusal: 503 when there is no room.
        """
        within_s = self.limits.timeout_s if within_s is None else within_s
        late, until = _late(within_s), asyncio.get_running_loop().time() + within_s
        found: list[Any] = []
        for first in range(0, len(loads), self.limits.max_batch):
            some = slice(first, first + self.limits.max_batch)
            async with self._room.take(len(loads[some])):
                found += await self._ask_some(loads[some], answers[some], until, late)
            if (
                asyncio.get_running_loop().time() >= until
            ):  # nothing is decoded for those whose turn cannot come
                break
        return found + [late] * (len(loads) - len(found))

    async def _ask_some(
        self, loads: Sequence[Load], answers: Sequence[AnswerOne], until: float, late: Refusal
    ) -> list[Any]:
        own = self._variants.own
        opening = [asyncio.ensure_future(self._opened(load)) for load in loads]
        found = await ended(opening, until=until, late=late)
        places = [i for i, image in enumerate(found) if isinstance(image, Image.Image)]
        asking = [
            asyncio.ensure_future(self._batcher.submit(found[i], answers[i], own.encode)) for i in places
        ]
        for i, answer in zip(places, await ended(asking, until=until, late=late), strict=True):
            found[i] = answer
        for one in found:
            if isinstance(one, BaseException) and one is not late and not _is_about_one(one):
                raise one
        return found

    async def search(self, question: SearchRequest, source: bytes | str | None) -> Ranking:
        """Hits of the index: by words, or by the photo at ``source``.

        Raises:
            ImageError: if the photo cannot be read.
            Refusal: 422 where the server has no index, 503 when there is no time.
        """
        if self._search is None:
            raise invalid("this server has no index; start it with --index FOLDER")
        found: Ranking = await self._in_time(self._search_in_thread(self._search, question, source))
        return found

    async def _search_in_thread(
        self, search: Searcher, question: SearchRequest, source: bytes | str | None
    ) -> Ranking:
        count, weight = question.top, question.tag_weight
        if source is None:
            words, rerank = question.query or "", question.rerank
            return await self._batcher.run(
                lambda: search.by_text(words, count=count, tag_weight=weight, rerank=rerank)
            )
        photo = await self._opened(source)
        return await self._batcher.run(lambda: search.by_photo(photo, count=count, tag_weight=weight))

    async def _in_time(self, work: Any) -> Any:
        try:
            async with asyncio.timeout(self.limits.timeout_s):  # `wait_for` would make a task of it
                return await work
        except TimeoutError:
            raise _late(self.limits.timeout_s) from None

    async def variant(self, verb: Verb, options: Mapping[str, Any]) -> Variant:
        """The model under the options of a request; as it was started where there are none.

        Raises:
            InputError: for an option that cannot be set so.
        """
        if not options:
            return self._variants.own
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._decoders, self._variants.find, verb, options)

    def labels(self, entries: Sequence[str | Mapping[str, Any]]) -> EncodedLabels:
        """Encoded labels of the model as it was started; see ``Variant.labels``."""
        return self._variants.own.labels(entries)

    def _share_cores(self) -> None:
        if self.limits.workers > 1:  # for this thread: alone it takes all cores, beside others its share
            busy = self.limits.workers if self._batcher.waiting else max(1, self._batcher.working)
            torch.set_num_threads(max(1, self._cores // busy))


def _late(within_s: float) -> Refusal:
    return busy(f"no answer within {within_s:g} s; come back later")


def _forget(ahead: "asyncio.Future[Any]") -> None:
    """What is wrong with labels is said by the answer that wants them."""
    if not ahead.cancelled():
        ahead.exception()


def _is_about_one(error: BaseException) -> bool:
    """Whether the others of a request can be answered nevertheless."""
    return isinstance(error, TagalignError) and not passes(error)
