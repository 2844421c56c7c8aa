"""The process above: workers that die are started anew, those that cannot live stop all, a stop leaves nobody behind."""

import asyncio
import os
import signal
import sys
import threading
import time
import urllib.error
import urllib.request
from functools import partial

import pytest

pytest.importorskip("fastapi", reason="the serve extra is not installed")
from fastapi import FastAPI

from tagalign.apps.server.listening import bind, close, listen
from tagalign.apps.server.workers.supervisor import MOST_DEATHS, Supervisor
from tagalign.apps.server.workers.worker import Worker
from tagalign.cores import worker_start
from tagalign.errors import ModelError

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="forks, so that a test need not load torch again"
)


def refuse():
    raise ModelError("no such model")


def die():
    os._exit(9)


def says_its_process():
    app = FastAPI()
    app.get("/process")(os.getpid)
    return app


@pytest.fixture
def bound():
    found = bind("127.0.0.1", 0)
    listen(found)
    yield found
    close(found)


def supervisor(make_app, bound, count=2, **more):
    workers = [Worker(make_app=make_app, threads=1)] * count
    return Supervisor(workers, bound, start=worker_start(), stop_within_s=5.0, **more)


def test_a_worker_that_cannot_start_says_why_and_all_stop(bound, capfd):
    gone = []
    assert supervisor(refuse, bound, gone=gone.append).run() == 2
    assert "tagalign serve: no such model\n" in capfd.readouterr().err
    assert len(set(gone)) == 2


def test_workers_that_always_die_are_given_up(bound, capfd):
    assert supervisor(die, bound, count=1).run() == 2
    said = capfd.readouterr().err.splitlines()
    assert len([line for line in said if "ended with status 9; started again as" in line]) == MOST_DEATHS
    assert "so all stop" in said[-1]


def test_one_that_is_killed_is_started_again_and_a_stop_ends_all(bound, capfd):
    address = f"http://127.0.0.1:{bound[0].getsockname()[1]}/process"
    seen = []

    def ask():
        with urllib.request.urlopen(address, timeout=30) as answer:
            return int(answer.read())

    def watch():
        try:
            seen.append(ask())
            os.kill(seen[0], signal.SIGKILL)
            until = time.monotonic() + 30
            while seen[-1] == seen[0] and time.monotonic() < until:
                seen.append(ask())
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    above = supervisor(says_its_process, bound, count=1)
    thread = threading.Thread(target=watch)
    before = signal.getsignal(signal.SIGTERM)
    # started by the signal handlers' own thread once they stand; the first request waits in the socket's queue until then
    threading.Timer(0.3, thread.start).start()
    assert above.run() == 0
    thread.join()
    said = capfd.readouterr().err
    assert f"worker 1 (process {seen[0]}) was ended by SIGKILL; started again as {seen[-1]}" in said
    assert signal.getsignal(signal.SIGTERM) == before
    with pytest.raises(ProcessLookupError):
        os.kill(seen[-1], 0)


def test_numbers_of_processes_are_told_when_they_end(bound):
    gone = []
    supervisor(partial(os._exit, 2), bound, count=3, gone=gone.append).run()
    assert len(set(gone)) == 3


ANSWERS_AFTER_S = 20.0
"""Within the time that open requests have to end."""


def is_slow(began):
    async def answer():
        os.write(began, b"x")
        await asyncio.sleep(ANSWERS_AFTER_S)

    app = FastAPI()
    app.get("/slow")(answer)
    return app


def stopped_while_it_answers(bound, *signals):
    """The status of run() and of a slow answer, where these signals come during it; None for no answer."""
    begun, began = os.pipe()
    statuses = []

    def ask():
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{bound[0].getsockname()[1]}/slow", timeout=60
            ) as answer:
                statuses.append(answer.status)
        except (urllib.error.HTTPError, ConnectionError):
            statuses.append(None)

    def send():
        os.read(begun, 1)
        for number in signals:
            os.kill(os.getpid(), number)
            time.sleep(0.2)

    threads = [threading.Thread(target=one) for one in (ask, send)]
    for one in threads:
        one.start()
    workers = [Worker(make_app=partial(is_slow, began), threads=1)]
    above = Supervisor(workers, bound, start=worker_start(), stop_within_s=2 * ANSWERS_AFTER_S)
    status = above.run()
    for one in threads:
        one.join()
    return status, statuses[0]


def test_a_second_ctrl_c_ends_what_is_open(bound):
    assert stopped_while_it_answers(bound, signal.SIGINT, signal.SIGINT) == (0, None)


def test_a_stop_is_asked_for_by_a_terminal_that_closes_too(bound):
    before = signal.getsignal(signal.SIGHUP)
    assert stopped_while_it_answers(bound, signal.SIGHUP, signal.SIGINT) == (0, None)
    assert signal.getsignal(signal.SIGHUP) == before
