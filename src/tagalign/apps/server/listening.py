"""The sockets that a server listens on, taken before its model is loaded: a port in use is said at once."""

import socket
import sys
from collections.abc import Sequence

from tagalign.errors import InputError

BACKLOG = 2048
"""Connections that wait to be accepted; the system may take fewer."""


def bind(host: str, port: int) -> list[socket.socket]:
    """One socket for each address of a host (``localhost`` has two); nobody can connect before ``listen``.

    Args:
        host: a name or an address of this machine.
        port: 0 to 65535; 0 takes a free one, the same for all addresses.

    Raises:
        InputError: if the host is not of this machine, or the port is taken or not allowed.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise InputError(f"--host {host}: no address of this machine ({error}); 127.0.0.1 is one") from None
    bound: list[socket.socket] = []
    for family, _, _, _, place in dict.fromkeys(found):
        try:
            bound.append(_bound(family, (place[0], bound[0].getsockname()[1] if bound else port, *place[2:])))
        except OSError as error:
            close(bound)
            raise InputError(
                f"--port {port}: cannot listen on {place[0]} ({error.strerror or error}); "
                "choose another one, or 0 for any that is free"
            ) from None
    return bound


def _bound(family: int, place: tuple[object, ...]) -> socket.socket:
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform != "win32":  # there it would let two servers have one port
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        opened.bind(place)
    except OSError:
        opened.close()
        raise
    return opened


def listen(bound: Sequence[socket.socket]) -> None:
    """Let clients connect; they wait until someone accepts them.

    Raises:
        InputError: if another program took the port since it was bound.
    """
    for one in bound:
        try:
            one.listen(BACKLOG)
        except OSError as error:
            host, port = one.getsockname()[:2]
            close(bound)
            raise InputError(
                f"--port {port}: cannot listen on {host} ({error.strerror}); choose another one"
            ) from None


def close(bound: Sequence[socket.socket]) -> None:
    """Close all."""
    for one in bound:
        one.close()


def address_of(bound: Sequence[socket.socket], host: str) -> str:
    """Where a browser finds the server: ``http://HOST:PORT``, with the port that was taken."""
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{bound[0].getsockname()[1]}"
