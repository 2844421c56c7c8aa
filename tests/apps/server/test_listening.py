"""Sockets of a server: taken or refused before anything is loaded, every address of a host on one port."""

import socket

import pytest

from tagalign.apps.server.listening import address_of, bind, close, listen
from tagalign.errors import InputError


def test_clients_connect_once_it_listens():
    bound = bind("127.0.0.1", 0)
    port = bound[0].getsockname()[1]
    with socket.socket() as early:
        assert early.connect_ex(("127.0.0.1", port)) != 0
    listen(bound)
    with socket.create_connection(("127.0.0.1", port), 5):
        pass
    assert address_of(bound, "127.0.0.1") == f"http://127.0.0.1:{port}"
    close(bound)


def test_every_address_of_a_host_has_the_same_port(monkeypatch):
    both = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0)),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.2", 0)),
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: both)
    try:
        bound = bind("twice", 0)
    except InputError:
        pytest.skip("this system has no 127.0.0.2")
    places = [one.getsockname() for one in bound]
    close(bound)
    assert [host for host, _ in places] == ["127.0.0.1", "127.0.0.2"]
    assert len({port for _, port in places}) == 1


def test_a_port_in_use_is_refused_in_one_line():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(
            InputError, match=f"--port {port}: cannot listen on 127.0.0.1 .*choose another one"
        ):
            bind("127.0.0.1", port)


def test_a_port_that_was_taken_in_between_is_refused():
    ours = bind("127.0.0.1", 0)
    port = ours[0].getsockname()[1]
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            other.bind(("127.0.0.1", port))
        except OSError:
            close(ours)
            pytest.skip("this system lets nobody in between")
        other.listen()
        with pytest.raises(InputError, match="choose another one"):
            listen(ours)


@pytest.mark.parametrize("host", ["203.0.113.7", "a" * 300])
def test_a_host_that_is_not_of_this_machine_is_refused(host):
    with pytest.raises(InputError, match=r"--(host|port)"):
        bind(host, 0)


class Six(socket.socket):
    """Of a machine that has version 6, whether this one has it or not."""

    def getsockname(self):
        return ("::1", 8000, 0, 0)


def test_an_address_of_six_stands_in_brackets():
    with Six() as one:
        assert address_of([one], "::1") == "http://[::1]:8000"
