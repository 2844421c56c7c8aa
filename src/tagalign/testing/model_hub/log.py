"""What a stub hub was asked and what it sent."""

import threading
from collections import Counter
from dataclasses import dataclass


@dataclass(frozen=True)
class HubRequest:
    """One request.

    Attributes:
        method: GET, HEAD or POST.
        path: as asked, without the query.
        file: ``owner/name/file`` if the contents of a file, or what is known about it, were asked for; else "".
        status: of the answer.
        sent: bytes of file contents that went out; 0 for all other answers.
        token: what the client showed, or "".
    """

    method: str
    path: str
    file: str
    status: int
    sent: int
    token: str


class HubLog:
    """All requests of a stub hub in the order of their answers; safe to read while it serves."""

    def __init__(self) -> None:
        self._requests: list[HubRequest] = []
        self._lock = threading.Lock()

    @property
    def requests(self) -> tuple[HubRequest, ...]:
        """So far."""
        with self._lock:
            return tuple(self._requests)

    def add(self, request: HubRequest) -> None:
        """Note a request."""
        with self._lock:
            self._requests.append(request)

    def clear(self) -> None:
        """Forget all, between two steps of a test."""
        with self._lock:
            self._requests.clear()

    def bytes_sent(self) -> Counter[str]:
        """``owner/name/file`` -> bytes of its contents that went out, over all requests."""
        sent = Counter[str]()
        for request in self.requests:
            if request.sent:
                sent[request.file] += request.sent
        return sent

    def fetches(self) -> Counter[str]:
        """``owner/name/file`` -> how often contents of it went out."""
        return Counter(request.file for request in self.requests if request.sent)
