import asyncio
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="the serve extra is not installed")
from tagalign.apps.server.deadline import ended
from tagalign.apps.server.refusals import busy

LATE = busy("late")


def outcomes(within_s: float) -> tuple[list[Any], list[bool]]:
    """Of a result, an error and two that take longer than a test, and which of them were cancelled."""

    async def ask() -> tuple[list[Any], list[bool]]:
        loop = asyncio.get_running_loop()
        work: list[asyncio.Future[Any]] = [loop.create_future() for _ in range(4)]
        work[0].set_result(None)
        work[2].set_exception(ValueError("wrong"))
        found = await ended(work, until=loop.time() + within_s, late=LATE)
        return found, [one.cancelled() for one in work]

    return asyncio.run(ask())


@pytest.mark.parametrize("within_s", [0.01, -5.0])
def test_what_has_not_ended_is_late_and_given_up(within_s: float) -> None:
    found, cancelled = outcomes(within_s)
    assert found[0] is None
    assert str(found[2]) == "wrong"
    assert found[1] is LATE
    assert found[3] is LATE
    assert cancelled == [False, True, False, True]


def test_no_work_has_ended() -> None:
    async def ask() -> list[Any]:
        return await ended([], until=0.0, late=LATE)

    assert asyncio.run(ask()) == []


def test_work_is_given_up_with_its_caller() -> None:
    async def ask() -> bool:
        loop = asyncio.get_running_loop()
        work: asyncio.Future[Any] = loop.create_future()
        waiting = asyncio.ensure_future(ended([work], until=loop.time() + 600, late=LATE))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        return work.cancelled()

    assert asyncio.run(ask())
