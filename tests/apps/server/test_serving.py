"""One process on sockets that listen already."""

import signal
import socket
import threading
import time
import urllib.request
from types import SimpleNamespace

import pytest

pytest.importorskip("fastapi", reason="the serve extra is not installed")
from fastapi import FastAPI

from tagalign.apps.server import serving
from tagalign.apps.server.listening import bind, listen
from tagalign.apps.server.serving import make_server, run_server, stop_by_signals


@pytest.mark.parametrize("accepted_at_once", [1, 2048])
def test_it_answers_and_ends(accepted_at_once):
    app = FastAPI()
    app.get("/here")(lambda: "yes")
    bound = bind("127.0.0.1", 0)
    listen(bound)
    address = f"http://127.0.0.1:{bound[0].getsockname()[1]}/here"
    server = make_server(app, stop_within_s=5.0, accepted_at_once=accepted_at_once)
    ran = []
    thread = threading.Thread(target=lambda: ran.append(run_server(server, bound)))
    thread.start()
    with urllib.request.urlopen(address, timeout=30) as answer:
        assert answer.read() == b'"yes"'
    server.should_exit = True
    thread.join(30)
    assert ran == [True]
    with socket.socket() as late:
        assert late.connect_ex(("127.0.0.1", int(address.rsplit(":")[-1].partition("/")[0]))) != 0


def test_more_clients_than_are_accepted_at_once_wait_and_are_answered():
    app = FastAPI()
    app.get("/here")(lambda: time.sleep(0.001))
    bound = bind("127.0.0.1", 0)
    listen(bound)
    place = bound[0].getsockname()
    waiting = [socket.create_connection(place, 30) for _ in range(200)]  # nobody accepts yet
    server = make_server(app, stop_within_s=5.0, accepted_at_once=1)
    thread = threading.Thread(target=run_server, args=(server, bound))
    thread.start()
    for one in waiting:
        one.sendall(b"GET /here HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    heads = [one.makefile("rb").readline() for one in waiting]
    for one in waiting:
        one.close()
    server.should_exit = True
    thread.join(30)
    assert set(heads) == {b"HTTP/1.1 200 OK\r\n"}


@pytest.mark.parametrize(("is_polite", "waits"), [(False, []), (True, [0.0001, 0.0002, 0.0003, 0.0004])])
def test_a_process_that_holds_more_lets_others_accept_first(is_polite, waits, monkeypatch):
    app = FastAPI()
    app.get("/here")(lambda: "yes")
    bound = bind("127.0.0.1", 0)
    listen(bound)
    place = bound[0].getsockname()
    seen = []
    # the thread of the server alone waits; those of the test do not come through its module
    monkeypatch.setattr(serving, "time", SimpleNamespace(sleep=seen.append))
    server = make_server(app, stop_within_s=5.0, accepted_at_once=1)
    thread = threading.Thread(target=run_server, args=(server, bound), kwargs={"is_polite": is_polite})
    thread.start()
    held = []
    for _ in range(5):
        held.append(socket.create_connection(place, 30))
        held[-1].sendall(b"GET /here HTTP/1.1\r\nHost: x\r\n\r\n")
        assert held[-1].recv(12) == b"HTTP/1.1 200"  # it is accepted before the next one comes
    for one in held:
        one.close()
    server.should_exit = True
    thread.join(30)
    assert seen == pytest.approx(waits)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_before_uvicorn_listens_to_it_stops_the_server_too(name):
    number = getattr(signal, name, None)
    if number is None:
        pytest.skip("Windows has no such signal")
    before = {one: signal.getsignal(one) for one in serving.stop_signals()}
    server = make_server(FastAPI(), stop_within_s=5.0)
    try:
        stop_by_signals(server)
        signal.raise_signal(number)
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
    assert server.should_exit
