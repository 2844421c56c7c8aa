import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

pytest.importorskip("fastapi", reason="the serve extra is not installed")

from tagalign.apps.server.fetching import make_fetch
from tagalign.apps.server.refusals import Refusal


class Pages(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/away":
            self.send_response(302)
            self.send_header("Location", "/image")
            self.end_headers()
            return
        self.send_response(200 if self.path == "/image" else 404)
        self.end_headers()
        self.wfile.write(b"x" * 100)

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


def test_listed_hosts_are_fetched(host: str) -> None:
    assert make_fetch([host], 1000)(f"http://{host}/image") == b"x" * 100


def test_sizes_are_bounded(host: str) -> None:
    with pytest.raises(Refusal, match="at most 99 bytes") as refused:
        make_fetch([host], 99)(f"http://{host}/image")
    assert refused.value.status == 413


def test_redirects_and_errors_are_refused(host: str) -> None:
    for path, message in (("away", "status 302"), ("lost", "status 404")):
        with pytest.raises(Refusal, match=message):
            make_fetch([host], 1000)(f"http://{host}/{path}")


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
