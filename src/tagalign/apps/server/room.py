"""Room for decoded images: how many may be in memory at a time, however many requests ask for however many."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tagalign.apps.server.refusals import busy


class Room:
    """Places for images. Requests take all they need at once and in turn, so none holds some while it waits for more.

    Args:
        places: for images.
        most_waiting: requests that wait for their turn; more are refused.
    """

    def __init__(self, places: int, most_waiting: int) -> None:
        self._places = places
        self._most_waiting = most_waiting
        self._free = places
        self._waiting = 0
        self._turn = asyncio.Lock()
        self._left = asyncio.Condition()

    @asynccontextmanager
    async def take(self, count: int) -> AsyncIterator[None]:
        """Places for so many images; more than there are count as all.

        Raises:
            Refusal: 503 when too many requests wait.
        """
        count = min(count, self._places)
        if self._waiting >= self._most_waiting:
            raise busy(f"{self._most_waiting} requests are waiting already; come back in a moment")
        self._waiting += 1
        try:
            async with self._turn, self._left:
                await self._left.wait_for(lambda: self._free >= count)
                self._free -= count
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            async with self._left:
                self._free += count
                self._left.notify_all()
