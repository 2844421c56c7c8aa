"""What one of several processes does: load or take over its model, accept from the shared sockets, answer."""

import multiprocessing
import signal
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing import connection

import uvicorn
from fastapi import FastAPI

from tagalign.apps.server.connections import FROM_ANEW
from tagalign.apps.server.heap import keep_freed_memory
from tagalign.apps.server.serving import make_server, run_server, stop_by_signals
from tagalign.apps.server.stopping import stop_signals
from tagalign.cores import settle_threads
from tagalign.errors import TagalignError

CANNOT_START = 2
"""Status of a process whose model or application cannot be made: another try would end alike."""


@dataclass(frozen=True, kw_only=True)
class Worker:
    """What a process needs to begin.

    Attributes:
        make_app: called in the process; can be pickled where processes begin anew.
        threads: that compute together.
    """

    make_app: Callable[[], FastAPI]
    threads: int


def work(worker: Worker, listening: Sequence[socket.socket], *, stop_within_s: float) -> None:
    """Answer until asked to stop, or until the process above is gone; the whole life of a process."""
    # Ctrl-C reaches every process of a terminal; before the server hears it, the process above decides
    for number in stop_signals():
        signal.signal(number, signal.SIG_IGN if number == signal.SIGINT else _leave)
    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_UNBLOCK, stop_signals())
    settle_threads(worker.threads)
    keep_freed_memory()
    try:
        app = worker.make_app()
    except TagalignError as error:
        print(f"tagalign serve: {error}", file=sys.stderr)
        sys.exit(CANNOT_START)
    # one at a time: who is busy with answers comes later to the next, so connections spread over the processes
    server = make_server(
        app, stop_within_s=stop_within_s, accepted_at_once=1, requests_per_connection=FROM_ANEW
    )
    stop_by_signals(server)
    threading.Thread(target=_stop_alone, args=(server,), daemon=True).start()
    run_server(server, listening, is_polite=True)


def _leave(*_: object) -> None:
    """A stop that was asked for is a success."""
    sys.exit(0)


def _stop_alone(server: uvicorn.Server) -> None:
    """Finish when the process above is gone, however it went: nobody would start or stop this one any more."""
    above = multiprocessing.parent_process()
    if above is not None:
        connection.wait([above.sentinel])
        server.should_exit = True
