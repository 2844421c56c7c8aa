"""Work that is waited for until a time: what has ended by then, and what has not."""

import asyncio
from collections.abc import Sequence
from typing import Any

from tagalign.apps.server.refusals import Refusal


async def ended(work: Sequence["asyncio.Future[Any]"], *, until: float, late: Refusal) -> list[Any]:
    """Results and errors in order, ``late`` in the place of what has not ended; that is given up.

    Args:
        work: that has begun; none of it is left running by a caller who is given up himself, either.
        until: when the waiting ends, by the clock of the running event loop; what has ended already counts however late
            it is.
        late: what to put.
    """
    try:
        if work:
            await asyncio.wait(work, timeout=max(0.0, until - asyncio.get_running_loop().time()))
        return [_outcome(one) if one.done() else late for one in work]
    finally:
        for one in work:
            one.cancel()


def _outcome(one: "asyncio.Future[Any]") -> Any:
    return one.exception() or one.result()
