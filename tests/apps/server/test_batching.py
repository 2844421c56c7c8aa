import asyncio
import threading
from collections.abc import Sequence
from typing import Any

import pytest
from PIL import Image

pytest.importorskip("fastapi", reason="the serve extra is not installed")

from tagalign.apps.server.batching import Batcher
from tagalign.apps.server.refusals import Refusal
from tagalign.errors import ImageError


def image(side: int) -> Image.Image:
    return Image.new("L", (side, side))


def encode(images: Sequence[Image.Image]) -> list[int]:
    if any(image.width == 13 for image in images):
        raise ImageError("bad image")
    return [image.width for image in images]


def same(encoded: Any, image: Image.Image) -> Any:
    return encoded


def batcher(**changes: Any) -> Batcher:
    return Batcher(
        changes.pop("encode", encode), **{"max_batch": 4, "max_wait_s": 0.02, "max_queue": 16, **changes}
    )


async def run(batcher: Batcher, sides: Sequence[int]) -> list[Any]:
    await batcher.start()
    results = await asyncio.gather(
        *(batcher.submit(image(side), same) for side in sides), return_exceptions=True
    )
    await batcher.close()
    return results


def test_everyone_gets_the_answer_to_their_own_image() -> None:
    sides = list(range(1, 12))
    assert asyncio.run(run(batcher(), sides)) == sides


def test_requests_that_come_together_are_encoded_together() -> None:
    sizes: list[int] = []
    asyncio.run(run(batcher(on_batch=sizes.append), range(1, 11)))
    assert sizes == [4, 4, 2]


def test_one_bad_image_does_not_spoil_its_batch() -> None:
    results = asyncio.run(run(batcher(), [1, 13, 3]))
    assert results[0::2] == [1, 3]
    assert isinstance(results[1], ImageError)


def test_a_failing_question_fails_alone() -> None:
    def divide(encoded: int, image: Image.Image) -> float:
        return 1 / (encoded - 2)

    async def ask() -> list[Any]:
        own = batcher()
        await own.start()
        results = await asyncio.gather(
            *(own.submit(image(s), divide) for s in (1, 2, 3)), return_exceptions=True
        )
        await own.close()
        return results

    first, second, third = asyncio.run(ask())
    assert (first, third) == (-1, 1)
    assert isinstance(second, ZeroDivisionError)


def test_a_full_queue_refuses_with_a_time_to_come_back() -> None:
    gate = threading.Event()

    def wait(images: Sequence[Image.Image]) -> list[int]:
        gate.wait(5)
        return encode(images)

    async def ask() -> list[Any]:
        own = batcher(encode=wait, max_batch=1, max_queue=2)
        await own.start()
        tasks = [asyncio.create_task(own.submit(image(s), same)) for s in range(1, 9)]
        await asyncio.sleep(0.05)
        gate.set()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        await own.close()
        return results

    results = asyncio.run(ask())
    refused = [r for r in results if isinstance(r, Refusal)]
    assert len(refused) >= 5  # 8 came, 2 wait, at most 1 is worked on
    assert all((r.status, r.retry_after_s) == (503, 1) for r in refused)
    assert [r for r in results if not isinstance(r, Refusal)] == list(range(1, 9 - len(refused)))


def test_closing_finishes_what_waits_and_refuses_what_comes() -> None:
    async def ask() -> tuple[list[Any], Any]:
        own = batcher(max_batch=1)
        await own.start()
        tasks = [asyncio.create_task(own.submit(image(s), same)) for s in (1, 2, 3)]
        await asyncio.sleep(0)
        await own.close()
        late = await asyncio.gather(own.submit(image(4), same), return_exceptions=True)
        return await asyncio.gather(*tasks), late[0]

    done, late = asyncio.run(ask())
    assert done == [1, 2, 3]
    assert isinstance(late, Refusal)


def test_two_workers_do_two_batches_at_the_same_time() -> None:
    both = threading.Barrier(2, timeout=60)  # broken, and an error, unless two threads come

    def meet(images: Sequence[Image.Image]) -> list[int]:
        both.wait()
        return encode(images)

    assert asyncio.run(run(batcher(encode=meet, max_batch=1, workers=2), range(1, 9))) == list(range(1, 9))


def test_workers_do_not_halve_each_others_batches() -> None:
    sizes: list[int] = []

    async def ask() -> None:
        own = batcher(workers=3, max_wait_s=0.4, on_batch=sizes.append)
        await own.start()
        tasks = []
        # one after the other, so that idle workers could take what another one waits for
        for side in range(1, 9):
            tasks.append(asyncio.create_task(own.submit(image(side), same)))
            for _ in range(5):
                await asyncio.sleep(0)
        await asyncio.gather(*tasks)
        await own.close()

    asyncio.run(ask())
    assert sizes == [4, 4]


def test_whoever_gave_up_is_not_worked_for() -> None:
    gate = threading.Event()
    seen: list[int] = []

    def wait(images: Sequence[Image.Image]) -> list[int]:
        gate.wait(5)
        seen.extend(image.width for image in images)
        return encode(images)

    async def ask() -> None:
        own = batcher(encode=wait, max_batch=1)
        await own.start()
        first = asyncio.create_task(own.submit(image(1), same))
        second = asyncio.create_task(own.submit(image(2), same))
        await asyncio.sleep(0.05)
        second.cancel()
        gate.set()
        await first
        await own.close()

    asyncio.run(ask())
    assert seen == [1]


def test_an_answer_does_not_wait_for_the_others_of_its_batch() -> None:
    may = threading.Event()

    def slow(encoded: Any, image: Image.Image) -> Any:
        return may.wait(60)

    async def ask() -> tuple[Any, bool, Any]:
        own = batcher()
        await own.start()
        first = asyncio.ensure_future(own.submit(image(1), same))
        second = asyncio.ensure_future(own.submit(image(2), slow))
        early = await asyncio.wait_for(first, 60)
        waits = not second.done()
        may.set()
        late = await second
        await own.close()
        return early, waits, late

    assert asyncio.run(ask()) == (1, True, True)


def test_whoever_gives_up_while_others_of_the_batch_are_answered_is_not_worked_for() -> None:
    began, may, answered = threading.Event(), threading.Event(), []

    def slow(encoded: Any, image: Image.Image) -> None:
        began.set()
        may.wait(60)

    def note(encoded: Any, image: Image.Image) -> None:
        answered.append(encoded)

    async def ask() -> None:
        own = batcher()
        await own.start()
        first = asyncio.ensure_future(own.submit(image(1), slow))
        second = asyncio.ensure_future(own.submit(image(2), note))
        await asyncio.to_thread(began.wait, 60)
        second.cancel()
        await asyncio.sleep(0)
        may.set()
        await first
        await own.close()

    asyncio.run(ask())
    assert answered == []
