"""Many photos in one request, answered line by line (NDJSON) as they are done, in their order."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

from tagalign.apps.server.refusals import body_of
from tagalign.errors import TagalignError
from tagalign.json_text import json_text

NDJSON = "application/x-ndjson"

AskOne = Callable[[Any], Awaitable[str]]
"""From the source of a photo to its answer as JSON."""


async def answer_lines(sources: Sequence[Any], ask: AskOne, *, ahead: int) -> AsyncIterator[str]:
    """One line per photo: ``{"image": PLACE, ...answer}``, or ``{"image": PLACE, "error": {...}}`` where it has none.

    Args:
        sources: of the photos; their places count from 0.
        ask: answers one.
        ahead: photos under way at a time, so that a request of many does not fill the queue.

    When the client goes, what is under way is given up.
    """
    waiting: deque[asyncio.Task[str]] = deque()
    try:
        for number, source in enumerate(sources):
            waiting.append(asyncio.ensure_future(_line(number, source, ask)))
            if len(waiting) >= ahead:
                yield await waiting[0]
                waiting.popleft()
        while waiting:
            yield await waiting[0]
            waiting.popleft()
    finally:
        for task in waiting:
            task.cancel()


async def _line(place: int, source: Any, ask: AskOne) -> str:
    try:
        answer = await ask(source)
    except TagalignError as error:
        message = str(error).encode(errors="replace").decode()
        return json_text({"image": place, **body_of(type(error).__name__, message)}) + "\n"
    # an answer is an object and never empty
    return f'{{"image":{place},{answer[1:]}\n'
