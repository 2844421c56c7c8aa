"""The process above the workers: starts them, starts anew the one that dies, stops all when it is asked to."""

import gc
import multiprocessing
import os
import signal
import socket
import sys
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import connection
from typing import Any

from tagalign.apps.server.stopping import stop_signals
from tagalign.apps.server.workers.worker import CANNOT_START, Worker, work
from tagalign.cores import ProcessStart

LOOK_EVERY_S = 0.2
"""For a signal; a death is noticed at once."""
MOST_DEATHS, WITHIN_S = 5, 60.0
"""Per worker: more, and it is no accident any more."""
KILL_AFTER_S = 5.0
"""Beyond the time that open requests have."""


class Supervisor:
    """Runs some workers for as long as they are wanted.

    Args:
        workers: what each of them does.
        listening: sockets that all of them accept from.
        start: how processes begin.
        stop_within_s: how long open requests may take at the end.
        gone: is told the number of each process that has ended.
    """

    def __init__(
        self,
        workers: Sequence[Worker],
        listening: Sequence[socket.socket],
        *,
        start: ProcessStart,
        stop_within_s: float,
        gone: Callable[[int], None] = lambda pid: None,
    ) -> None:
        self._workers = workers
        self._listening = listening
        self._context: Any = multiprocessing.get_context(start)
        self._stop_within_s = stop_within_s
        self._gone = gone
        self._processes: dict[int, Any] = {}  # by the worker's place
        self._deaths: deque[float] = deque(maxlen=MOST_DEATHS * len(workers) + 1)
        self._asked = False
        self._hurried = False

    def run(self) -> int:
        """Until a signal asks to stop, or the workers cannot be kept alive.

        Returns:
            An exit status: 0 after a stop that was asked for.
        """
        gc.freeze()  # or the first collection of each forked process copies what they share
        with self._hearing():
            for place in range(len(self._workers)):
                self._start(place)
            status = 0
            while not self._asked and status == 0:
                connection.wait([one.sentinel for one in self._processes.values()], LOOK_EVERY_S)
                status = self._look()
            self._stop()
        return status

    def _start(self, place: int) -> None:
        process = self._context.Process(
            target=work,
            args=(self._workers[place], list(self._listening)),
            kwargs={"stop_within_s": self._stop_within_s},
            name=f"worker {place + 1}",
        )
        with _signals_held(), warnings.catch_warnings():
            # threads of numpy's library wait for work; they know of forks
            warnings.simplefilter("ignore", DeprecationWarning)
            process.start()
        self._processes[place] = process

    def _look(self) -> int:
        """Start anew what has died; an exit status above 0 where that is no use."""
        for place, process in list(self._processes.items()):
            if process.is_alive() or self._asked:
                continue
            self._gone(process.pid)
            how = _ending(process.exitcode)
            if process.exitcode == CANNOT_START:
                return 2  # it has said why
            self._deaths.append(time.monotonic())
            if len(self._deaths) == self._deaths.maxlen and self._deaths[-1] - self._deaths[0] < WITHIN_S:
                _say(
                    f"worker {place + 1} {how}; {len(self._deaths)} have ended so within a minute, so all stop"
                )
                return 2
            self._start(place)
            _say(
                f"worker {place + 1} (process {process.pid}) {how}; started again as {self._processes[place].pid}"
            )
        return 0

    def _stop(self) -> None:
        """Ask all to finish, wait, then end by force what has not."""
        for process in self._processes.values():
            process.terminate()
        until = time.monotonic() + self._stop_within_s + KILL_AFTER_S
        while (left := self._alive()) and time.monotonic() < until:
            connection.wait([one.sentinel for one in left], LOOK_EVERY_S)
            if self._hurried:
                self._hurry()
        for process in self._alive():
            _say(f"{process.name} (process {process.pid}) did not stop in time and is ended")
            process.kill()
        for process in self._processes.values():
            process.join()
            self._gone(process.pid)

    def _alive(self) -> list[Any]:
        return [one for one in self._processes.values() if one.is_alive()]

    def _hurry(self) -> None:
        """Pass Ctrl-C on to those that were asked to finish: they give up what is open. A terminal has told them itself."""
        self._hurried = False
        for process in self._alive():
            os.kill(process.pid, signal.SIGINT)

    @contextmanager
    def _hearing(self) -> Iterator[None]:
        def ask(number: int, _: object) -> None:
            self._hurried = self._asked and number == signal.SIGINT
            self._asked = True

        before = {number: signal.signal(number, ask) for number in stop_signals()}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


@contextmanager
def _signals_held() -> Iterator[None]:
    """A stop that comes while a process begins waits until that process can hear it; `work` lets it in there."""
    if sys.platform == "win32":
        yield
        return
    signal.pthread_sigmask(signal.SIG_BLOCK, stop_signals())
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, stop_signals())


def _ending(status: int | None) -> str:
    if status is not None and status < 0:
        return f"was ended by {signal.Signals(-status).name}"
    return f"ended with status {status}"


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
