"""One process that answers: an application on sockets that are open already."""

import math
import signal
import socket
import time
from collections.abc import Callable, Sequence
from typing import Any

import uvicorn
from fastapi import FastAPI

from tagalign.apps.server.connections import bounded_connection
from tagalign.apps.server.stopping import stop_signals

ACCEPTED_AT_ONCE = 2048
WAIT_S, LONGEST_WAIT_S = 1e-4, 2e-3
"""Before a connection is accepted: for each that is held already, and at most. A process that sleeps is woken in less."""


def make_server(
    app: FastAPI,
    *,
    stop_within_s: float,
    accepted_at_once: int = ACCEPTED_AT_ONCE,
    requests_per_connection: int | None = None,
) -> uvicorn.Server:
    """A server that is not running yet.

    Args:
        app: answers.
        stop_within_s: how long open requests may take after it was asked to stop, and a client to ask for something.
        accepted_at_once: connections that are taken before the server looks at anything else.
        requests_per_connection: then the client is to come anew; None for no end.
    """
    # no access log: one line per request costs a tenth of the throughput of a small model
    config = uvicorn.Config(
        app,
        # uvicorn would take uvloop where it is installed, which makes a socket's queue as short as what is accepted at once
        loop="asyncio",
        http=bounded_connection(head_within_s=stop_within_s, most_requests=requests_per_connection),
        log_level="warning",
        access_log=False,
        server_header=False,
        backlog=accepted_at_once,
        timeout_graceful_shutdown=math.ceil(stop_within_s),
    )
    return uvicorn.Server(config)


def run_server(
    server: uvicorn.Server, listening: Sequence[socket.socket], *, is_polite: bool = False
) -> bool:
    """Answer until a signal asks to stop; finishes what is open, closes the sockets.

    Args:
        server: to run.
        listening: to accept from.
        is_polite: whether other processes accept from them too, and one that holds less goes first.

    Returns:
        Whether it ever began to answer.
    """

    def patience_s() -> float:
        return min(LONGEST_WAIT_S, WAIT_S * len(server.server_state.connections)) if is_polite else 0.0

    server.run(sockets=[_Listening(one, patience_s) for one in listening])
    return server.started


def stop_by_signals(server: uvicorn.Server) -> None:
    """Let signals stop it that come before uvicorn listens to them, after (it raises them again), or not to it at all."""

    def stop(*_: object) -> None:
        server.should_exit = True

    for number in stop_signals():
        signal.signal(number, stop)


class _Listening(socket.socket):
    """A socket that listens already: asyncio would call ``listen`` again, with how many it accepts at once as its length.

    Of several processes that accept from it, one that is busy looks at it all the time and one that sleeps must be woken
    first, so the busy one would take every connection. Each waits the longer, the more it holds.
    """

    def __init__(self, other: socket.socket, patience_s: Callable[[], float]) -> None:
        super().__init__(other.family, other.type, other.proto, fileno=other.detach())
        self._patience_s = patience_s

    def listen(self, backlog: int = 0, /) -> None:
        """Nothing to do."""

    def accept(self) -> tuple[socket.socket, Any]:
        """See ``socket.accept``.

        Raises:
            BlockingIOError: where none waits any more.
        """
        if waits := self._patience_s():
            time.sleep(waits)
        return super().accept()
