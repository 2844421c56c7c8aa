import asyncio

import pytest

pytest.importorskip("fastapi", reason="the serve extra is not installed")

from tagalign.apps.server.refusals import Refusal
from tagalign.apps.server.room import Room


def test_requests_take_what_they_need_in_turn_and_no_more_than_there_is() -> None:
    places, held, most = 5, 0, 0

    async def work(room: Room, count: int) -> None:
        nonlocal held, most
        async with room.take(count):
            held += min(count, places)
            most = max(most, held)
            await asyncio.sleep(0)
            held -= min(count, places)

    async def run() -> None:
        room = Room(places, 100)
        await asyncio.gather(*(work(room, count) for count in (3, 4, 2, 9, 1, 1, 5, 2) * 4))

    asyncio.run(run())
    assert (most, held) == (places, 0)


def test_too_many_that_wait_are_refused_and_one_that_gives_up_leaves_its_place() -> None:
    async def run() -> None:
        room = Room(1, 1)
        async with room.take(1):
            waiting = asyncio.create_task(_enter(room))
            await asyncio.sleep(0.01)
            with pytest.raises(Refusal, match="1 requests are waiting already"):
                await _enter(room)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
        await asyncio.wait_for(_enter(room), 5)

    asyncio.run(run())


async def _enter(room: Room) -> None:
    async with room.take(1):
        pass
