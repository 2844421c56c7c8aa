"""How the stub hub answers: one request after the other on a connection, with the faults that were asked for."""

import json
import os
import socket
import struct
import time
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tagalign.testing.model_hub.faults import BODY_FAULTS, HubFault
from tagalign.testing.model_hub.http import HubServer
from tagalign.testing.model_hub.log import HubRequest
from tagalign.testing.model_hub.repository import HubFile

PORTAL = b"<!doctype html><title>Welcome to the hotel</title><p>Please log in to the network."
CHUNK = 2**20


class HubRefusal(Exception):
    """An answer of the hub that is no success, by the words and codes that its clients read."""

    def __init__(self, status: int, code: str, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.headers = {"X-Error-Code": code, "X-Error-Message": message, **headers}


class Answering(BaseHTTPRequestHandler):
    """Takes a request apart, asks ``route`` and ``named_file`` for what it is about, and sends the answer."""

    protocol_version = "HTTP/1.1"
    timeout = 30  # a client that asks nothing more
    server: HubServer

    def route(self, fault: HubFault | None) -> None:
        """Answer with ``send``, ``send_json`` or ``send_file``, or raise a ``HubRefusal``."""
        raise NotImplementedError

    def named_file(self) -> str:
        """``owner/name/file`` where the request is about one file."""
        raise NotImplementedError

    def has_contents(self) -> bool:
        """Whether the answer is the contents of a file."""
        raise NotImplementedError

    def do_GET(self) -> None:
        """An answer with a body."""
        self._answer()

    def do_HEAD(self) -> None:
        """The same without the body."""
        self._answer()

    def do_POST(self) -> None:
        """Only ``paths-info`` is asked this way."""
        self._answer()

    def log_message(self, format: str, *args: Any) -> None:
        """A test's output is its own."""

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        self.body = self.rfile.read(length)  # read always, or it would be taken for the next request
        self.asked_path = urlsplit(self.path).path
        self.query = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        self.parts = [unquote(part) for part in self.asked_path.strip("/").split("/")]
        self.token = (self.headers.get("Authorization") or "").removeprefix("Bearer ").strip()
        self.file = self.named_file()
        fault = self.server.hub.next_fault(self.asked_path, self.file, has_body=self.has_contents())
        try:
            if fault is not None and fault.kind not in BODY_FAULTS:
                if not self._fails(fault):
                    return
                fault = None
            self.route(fault)
        except HubRefusal as refusal:
            self.send_json(refusal.status, {"error": str(refusal)}, refusal.headers)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _fails(self, fault: HubFault) -> bool:
        """Suffer a fault that concerns the whole answer; whether the answer is to follow."""
        if fault.kind == "slow":
            time.sleep(fault.delay_s)
            return True
        if fault.kind == "portal":
            self.send(200, PORTAL, {"Content-Type": "text/html"})
            return False
        after = {} if fault.retry_after_s is None else {"Retry-After": str(fault.retry_after_s)}
        self.send_json(fault.status, {"error": f"stand-in hub says {fault.status}"}, after)
        return False

    def send_file(self, file: HubFile, headers: dict[str, str], fault: HubFault | None) -> None:
        """The contents, or the range that was asked for; spoiled by the fault, if there is one."""
        start, stop = self._range(file.size)
        status = 206 if "Range" in self.headers else 200
        if status == 206:
            headers |= {"Content-Range": f"bytes {start}-{stop - 1}/{file.size}"}
        kind = fault.kind if fault else ""
        end = start + (stop - start) // 2 if kind in ("break", "reset", "short") else stop
        promised = (end if kind == "short" else stop) - start
        is_head = self.command == "HEAD"
        self._note(status, 0 if is_head else end - start)  # before the last byte: a test may look at once
        self._headers(
            status,
            {
                "Content-Type": "application/octet-stream",
                "Content-Length": str(promised),
                "Accept-Ranges": "bytes",
                **headers,
            },
        )
        if not is_head:
            self._stream(file, start, end, is_corrupt=kind == "corrupt")
        if kind in ("break", "reset"):
            self._hang_up(is_rude=kind == "reset")

    def _range(self, size: int) -> tuple[int, int]:
        """First byte and the one after the last."""
        asked = self.headers.get("Range", "")
        if not asked.startswith("bytes="):
            return 0, size
        first, _, last = asked.removeprefix("bytes=").partition("-")
        start, stop = int(first or 0), min(size, int(last) + 1 if last else size)
        if start >= size:
            raise HubRefusal(416, "", "range not satisfiable", **{"Content-Range": f"bytes */{size}"})
        return start, stop

    def _stream(self, file: HubFile, start: int, stop: int, *, is_corrupt: bool) -> None:
        for at in range(start, stop, CHUNK):
            data = file.read(at, min(at + CHUNK, stop))
            if is_corrupt and at + CHUNK >= stop:
                data = data[:-1] + bytes([data[-1] ^ 1])
            self.wfile.write(data)

    def _hang_up(self, *, is_rude: bool) -> None:
        """End the connection in order, or with a reset."""
        self.close_connection = True
        if is_rude:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            os.close(self.connection.detach())  # at once, before anything says goodbye
        else:
            self.connection.shutdown(socket.SHUT_RDWR)

    def send_json(self, status: int, value: Any, headers: dict[str, str] | None = None) -> None:
        """A value of the interface."""
        kind = {"Content-Type": "application/json"}
        self.send(status, json.dumps(value).encode(), kind | (headers or {}))

    def send(self, status: int, data: bytes, headers: dict[str, str]) -> None:
        """Any answer that is not the contents of a file."""
        self._note(status, 0)
        self._headers(status, headers | {"Content-Length": str(len(data))})
        if self.command != "HEAD":
            self.wfile.write(data)

    def _headers(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if value:
                self.send_header(name, value)
        self.end_headers()

    def _note(self, status: int, sent: int) -> None:
        request = HubRequest(self.command, self.asked_path, self.file, status, sent, self.token)
        self.server.hub.log.add(request)
