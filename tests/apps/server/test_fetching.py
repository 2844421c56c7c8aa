import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

pytest.importorskip("fastapi", reason="the serve extra is not installed")

from tagalign.apps.server import fetching
from tagalign.apps.server.fetching import make_fetch
from tagalign.apps.server.refusals import Refusal


class Pages(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/away":
            self.send_response(302)
            self.send_header("Location", "/image")
            self.end_headers()
            return
        if self.path in ("/drip", "/drip-head"):
            self.drip(is_head=self.path == "/drip-head")
            return
        self.send_response(200 if self.path == "/image" else 404)
        self.end_headers()
        self.wfile.write(b"x" * 100)

    def drip(self, *, is_head: bool) -> None:
        """A byte now and then, until the client goes; in the head as in the photo it never comes to an end."""
        self.wfile.write(b"HTTP/1.0 200 OK\r\nX: " + (b"" if is_head else b"\r\n\r\n"))
        with contextlib.suppress(OSError):
            while True:
                self.wfile.write(b"x")
                time.sleep(0.05)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def host() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Pages)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def anywhere(host: str, port: int, timeout_s: float) -> socket.socket:
    """Without the rule about private networks: the pages of these tests are on loopback."""
    return socket.create_connection((host, port), timeout_s)


def test_listed_hosts_are_fetched(host: str) -> None:
    assert make_fetch([host], 1000, connect=anywhere)(f"http://{host}/image") == b"x" * 100


def test_sizes_are_bounded(host: str) -> None:
    with pytest.raises(Refusal, match="at most 99 bytes") as refused:
        make_fetch([host], 99, connect=anywhere)(f"http://{host}/image")
    assert refused.value.status == 413


def test_redirects_and_errors_are_refused(host: str) -> None:
    for path, message in (("away", "status 302"), ("lost", "status 404")):
        with pytest.raises(Refusal, match=message):
            make_fetch([host], 1000, connect=anywhere)(f"http://{host}/{path}")


@pytest.mark.parametrize(
    "address",
    [
        "http://elsewhere/image",
        "file:///etc/passwd",
        "ftp://{host}/image",
        "http://{host}@elsewhere/image",
        "http://elsewhere#@{host}/image",
        "http://{host}.elsewhere/image",
        "http://127.0.0.1/image",
        "http://[::1/image",
        "//{host}/image",
        "",
        "\x00",
    ],
)
def test_everything_else_is_refused_without_a_word_to_the_network(host: str, address: str) -> None:
    with pytest.raises(Refusal, match=r"expected an address|not on the server's list"):
        make_fetch([host], 1000)(address.replace("{host}", host))


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "0x7f.1", "2130706433", "0177.0.0.1", "127.1"])
def test_listed_hosts_on_loopback_are_refused_however_they_are_written(host: str, name: str) -> None:
    place = f"{name}:{host.partition(':')[2]}"
    with pytest.raises(Refusal, match="private network") as refused:
        make_fetch([place], 1000)(f"http://{place}/image")
    assert refused.value.status == 422


@pytest.mark.parametrize("where", ["drip", "drip-head"])
def test_a_host_that_sends_a_byte_now_and_then_is_given_up(
    host: str, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "FETCH_TIMEOUT_S", 0.2)
    with pytest.raises(Refusal, match="cannot be fetched"):  # else this does not end: each byte comes in time
        make_fetch([host], 10**6, connect=anywhere)(f"http://{host}/{where}")


def test_a_greeting_that_drips_is_given_up_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "FETCH_TIMEOUT_S", 0.2)
    ours, theirs = socket.socketpair()

    def greet() -> None:
        with contextlib.suppress(OSError):
            theirs.sendall(b"\x16\x03\x03\x3f\xff")  # a record of 16 KB begins
            while True:
                theirs.sendall(b"x")
                time.sleep(0.05)

    thread = threading.Thread(target=greet, daemon=True)
    thread.start()
    with pytest.raises(Refusal, match="cannot be fetched"):
        make_fetch(["a.example"], 1000, connect=lambda *_: ours)("https://a.example/image")
    ours.close()
    thread.join()
    theirs.close()


def test_a_host_in_a_private_network_is_fetched_where_it_is_listed_as_such(host: str) -> None:
    with pytest.raises(Refusal, match="private network"):
        make_fetch([host], 1000)(f"http://{host}/image")
    fetch = make_fetch(["example.org"], 1000, private_hosts=[host.upper()])
    assert fetch(f"http://{host}/image") == b"x" * 100
    with pytest.raises(Refusal, match="not on the server's list"):
        fetch(f"http://{host.partition(':')[0]}:1/image")
    with pytest.raises(Refusal, match="status 302"):  # it may not send us elsewhere
        fetch(f"http://{host}/away")
