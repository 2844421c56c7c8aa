"""A threaded HTTP server on a free port of the loopback address that leaves no socket behind."""

import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tagalign.testing.model_hub.served import ServedHub


class HubServer(ThreadingHTTPServer):
    """One of the two servers of a stub hub.

    Args:
        hub: whose requests it answers.
        handler: answers them.
        is_store: whether it is the one for large files.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, hub: ServedHub, handler: type[BaseHTTPRequestHandler], *, is_store: bool) -> None:
        self.hub, self.is_store = hub, is_store
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)
        super().__init__(("127.0.0.1", 0), handler)

    @property
    def url(self) -> str:
        """Without a slash at the end."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """End within seconds, with every connection, also those that clients keep for later."""
        if self._thread.is_alive():
            self.shutdown()
        self.server_close()
        with self._open_lock:
            waiting = list(self._open)
        for connection in waiting:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:  # gone already
                continue
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def get_request(self) -> tuple[socket.socket, Any]:
        """Remember the connection."""
        connection, address = super().get_request()
        with self._open_lock:
            self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        """Forget the connection."""
        with self._open_lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are no news in a test of faults."""
