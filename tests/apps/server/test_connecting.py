"""Which addresses are public, and that the address which was checked is the one connected to."""

import socket

import pytest

pytest.importorskip("fastapi", reason="the serve extra is not installed")

from tagalign.apps.server.connecting import connect_to_public, is_public
from tagalign.apps.server.refusals import Refusal

PRIVATE = (
    "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1", "224.0.0.1",
    "255.255.255.255", "::", "::1", "fe80::1%eth0", "fc00::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
    "::127.0.0.1", "2002:7f00:1::", "64:ff9b::10.0.0.1", "64:ff9b::a9fe:a9fe",
)  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_in_all_their_forms(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["93.184.215.14", "2606:2800:220:1::1", "::ffff:93.184.215.14", "64:ff9b::93.184.215.14"]
)
def test_addresses_of_the_open_network(address: str) -> None:
    assert is_public(address)


def answers(*addresses: str):
    """A name server's answer."""
    return lambda host, port, type: [(socket.AF_INET, type, 6, "", (address, port)) for address in addresses]


def test_the_checked_address_is_connected_to_and_the_name_never_asked_again(monkeypatch) -> None:
    asked, opened = [], []

    def changing(host, port, type):
        asked.append(host)
        return answers("93.184.215.14" if len(asked) == 1 else "127.0.0.1")(host, port, type)

    monkeypatch.setattr(socket, "getaddrinfo", changing)
    monkeypatch.setattr(
        socket, "create_connection", lambda place, timeout: opened.append(place) or socket.socket()
    )
    connect_to_public("changes.example", 80, 1.0).close()
    assert asked == ["changes.example"]
    assert opened == [("93.184.215.14", 80)]


def test_private_addresses_among_public_ones_are_passed_over(monkeypatch) -> None:
    opened = []

    def connect(place, timeout):
        opened.append(place[0])
        if len(opened) == 1:
            raise OSError("nobody there")
        return socket.socket()

    monkeypatch.setattr(
        socket, "getaddrinfo", answers("10.0.0.1", "93.184.215.14", "127.0.0.1", "93.184.215.15")
    )
    monkeypatch.setattr(socket, "create_connection", connect)
    connect_to_public("both.example", 80, 1.0).close()
    assert opened == ["93.184.215.14", "93.184.215.15"]


def test_a_name_with_private_addresses_alone_is_refused(monkeypatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", answers("10.0.0.1", "::1"))
    with pytest.raises(Refusal, match="private network"):
        connect_to_public("inside.example", 80, 1.0)
