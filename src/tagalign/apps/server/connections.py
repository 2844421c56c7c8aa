"""One client's connection: how long it may take to ask for something, and how often before it is to come anew."""

import asyncio
import random
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

CLOSE = (b"connection", b"close")
FROM_ANEW = 100
"""Requests of a connection where several processes answer: whoever is idle then takes the next one. Connections that stay
for ever would stay with the process that happened to take them, and it may have taken all. Each has a number of its own, of
half as many to half as many again: clients that begin together would come anew together, and one process would take them."""


class BoundedConnection(H11Protocol):
    """HTTP/1.1 by h11, which takes 64 kB of a request's head and no more; other parsers take what comes.

    Uvicorn ends a connection that is silent after an answer. One that never asks for anything, whose head comes a letter at
    a time, or that goes on sending after its answer, is ended here: each holds an open file, of which a process has about
    a thousand.
    """

    head_within_s = 30.0
    """From the opening, or from the last answer, to the end of the next head."""
    most_requests: int | None = None
    """About so many, then the client is told to come anew; None for no end."""
    spread = random.Random()  # noqa: S311  nothing is secret here
    """Of their number; not the program's own stream of random numbers."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._late: asyncio.TimerHandle | None = None
        self._counted: object = None
        self._asked = 0
        most = self.most_requests
        self._last = None if most is None else self.spread.randint(-(-most // 2), most + most // 2)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The client has come, and may now ask."""
        super().connection_made(transport)
        self._wait_for_head()

    def handle_events(self) -> None:
        """What has come so far: requests begin here, and data that belongs to none is dropped."""
        super().handle_events()
        if self.cycle is None or self.cycle.response_complete:
            self._wait_for_head()
            return
        self._stop_waiting()
        if self.cycle is not self._counted:
            self._counted = self.cycle
            self._asked += 1
            if self._asked == self._last:
                # h11 ends the connection after this answer, and the client reads why
                self.cycle.default_headers = [*self.cycle.default_headers, CLOSE]

    def send_400_response(self, msg: str) -> None:
        """What came is no HTTP: the client reads so where no answer has begun; who answers learns that it has gone."""
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if self.conn.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            super().send_400_response(msg)
        else:  # h11 would raise, and asyncio write a traceback
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client, or we, have gone."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait_for_head(self) -> None:
        if self._late is None:  # data that moves nothing on wins no time
            self._late = self.loop.call_later(self.head_within_s, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None


def bounded_connection(*, head_within_s: float, most_requests: int | None) -> type[BoundedConnection]:
    """The connection with these bounds, for ``uvicorn.Config(http=...)``."""
    bounds = {"head_within_s": head_within_s, "most_requests": most_requests}
    return type("BoundedConnection", (BoundedConnection,), bounds)
