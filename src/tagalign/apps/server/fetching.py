"""Images by address, from listed hosts alone: those of a private network are listed as such. Off unless hosts are listed."""

import socket
import ssl
import threading
import urllib.parse
from collections.abc import Callable, Collection, Iterator
from contextlib import closing, contextmanager, suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse

from tagalign.apps.server.connecting import Connect, connect_to_any, connect_to_public
from tagalign.apps.server.refusals import Refusal, invalid, too_large

FETCH_TIMEOUT_S = 10.0
"""From the connection to the last byte."""
PIECE = 1 << 16
PORTS = {"http": 80, "https": 443}


def make_fetch(
    hosts: Collection[str],
    max_bytes: int,
    *,
    private_hosts: Collection[str] = (),
    connect: Connect = connect_to_public,
) -> Callable[[str], bytes]:
    """A function from an address to the bytes behind it.

    Redirects are refused: a listed host must not be able to send us to one that is not.

    Args:
        hosts: the only ones it talks to, as ``name`` or ``name:port``.
        max_bytes: of a file; larger ones are refused.
        private_hosts: more of them, which may lie in a private network.
        connect: opens sockets; the default refuses private networks.
    """
    private = frozenset(host.lower() for host in private_hosts)
    allowed = private | {host.lower() for host in hosts}

    def fetch(address: str) -> bytes:
        parts = _checked(address, allowed)
        try:
            data = _ask(parts, connect_to_any if parts.netloc.lower() in private else connect, max_bytes)
        except (OSError, HTTPException, ValueError) as error:
            raise invalid(f"image_url: cannot be fetched ({type(error).__name__})") from None
        if len(data) > max_bytes:
            raise too_large(f"image_url: at most {max_bytes:,} bytes are taken")
        return data

    return fetch


def _ask(parts: urllib.parse.SplitResult, connect: Connect, max_bytes: int) -> bytes:
    """Up to one byte more than is allowed."""
    host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
    with closing(HTTPConnection(host, port)) as connection:
        connection.sock = connect(host, port, FETCH_TIMEOUT_S)
        if parts.scheme == "https":
            connection.sock = ssl.create_default_context().wrap_socket(
                connection.sock, server_hostname=host, do_handshake_on_connect=False
            )
        with _cut_off(connection.sock, FETCH_TIMEOUT_S):
            if isinstance(connection.sock, ssl.SSLSocket):
                connection.sock.do_handshake()
            target = urllib.parse.urlunsplit(("", "", parts.path or "/", parts.query, ""))
            connection.request("GET", target, headers={"Host": parts.netloc, "Connection": "close"})
            with closing(connection.getresponse()) as response:
                if response.status != 200:
                    raise invalid(f"image_url: cannot be fetched (status {response.status})")
                return _read(response, max_bytes)


def _read(response: HTTPResponse, max_bytes: int) -> bytes:
    data = bytearray()
    while len(data) <= max_bytes and (piece := response.read1(PIECE)):
        data += piece
    return bytes(data)


@contextmanager
def _cut_off(sock: socket.socket, after_s: float) -> Iterator[None]:
    """The socket until then; each byte that a host sends now and then would win it a socket's time anew.

    Raises:
        TimeoutError: if it was cut off: what came may have had no other end.
    """
    is_late = threading.Event()

    def cut() -> None:
        is_late.set()
        with suppress(OSError):  # it was closed in between
            # not that of ssl, which would take its state from under a reader
            socket.socket.shutdown(sock, socket.SHUT_RDWR)

    timer = threading.Timer(after_s, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        if is_late.is_set():
            raise TimeoutError


def _checked(address: str, allowed: frozenset[str]) -> urllib.parse.SplitResult:
    try:
        parts = urllib.parse.urlsplit(address)
        place = parts.netloc.lower()
        usable = parts.scheme in PORTS and bool(parts.hostname) and "@" not in place and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise _refuse("expected an address such as https://example.org/photo.jpg")
    if place not in allowed:
        raise _refuse("this host is not on the server's list")
    return parts


def _refuse(message: str) -> Refusal:
    return invalid(f"image_url: {message}")
