"""What stands before every request: key, size, requests per client, counters, and the last word on errors."""

import asyncio
import base64
import hmac
import logging
import secrets
import time
from collections import Counter
from collections.abc import Collection
from http import HTTPStatus

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tagalign.apps.server.limits import Limits
from tagalign.apps.server.metrics import Metrics
from tagalign.apps.server.refusals import Refusal, body_of, busy, too_large
from tagalign.json_text import json_text

LOG = logging.getLogger("tagalign.server")
OPEN_PATHS = frozenset({"/health", "/label-studio/health"})
"""Answered without a key, so that a load balancer can ask."""
OTHER = "other"
LEAST_BYTES_PER_S = 10_000
"""Of a body that takes longer than the limit in time: a slow line is waited for, one that drips is not."""
CLIENT_GONE = 499  # not a status of the standard; nobody is there to read it, only the counter


class Gate:
    """ASGI middleware around the whole application."""

    def __init__(
        self, app: ASGIApp, *, limits: Limits, metrics: Metrics, paths: Collection[str], api_key: str | None
    ) -> None:
        self._app = app
        self._limits = limits
        self._metrics = metrics
        self._paths = frozenset(paths)
        self._api_key = api_key
        self._clients: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it with what is wrong."""
        if scope["type"] != "http":
            await _until_stopped(self._app, scope, receive, send)
            return
        # unknown paths share one label: clients must not be able to make counters
        path = scope["path"] if scope["path"] in self._paths else OTHER
        answer = _Answer(send)
        start = time.perf_counter()
        with self._metrics.in_flight.track_inprogress():
            await self._guarded(scope, receive, answer)
        self._metrics.seconds.labels(path).observe(time.perf_counter() - start)
        self._metrics.requests.labels(path, str(answer.status)).inc()

    async def _guarded(self, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        try:
            await self._checked(scope, receive, answer)
        except Refusal as refusal:
            await answer.refuse(refusal)
        except ClientDisconnect:
            answer.status = answer.status or CLIENT_GONE
        except (
            asyncio.CancelledError
        ):  # a second Ctrl-C, or no more time to stop: no fault, and nothing for the log
            await answer.refuse(
                busy("the server has stopped before this was done; ask another one or come back")
            )
        except Exception:
            number = secrets.token_hex(4)
            LOG.exception("fault %s while answering %s", number, scope["path"])
            message = f"a fault of the server, written to its log as {number}"
            await answer.refuse(Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, message), kind="Fault")

    async def _checked(self, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        headers = {name.lower(): value for name, value in scope["headers"]}
        self._check_key(scope["path"], headers)
        self._check_length(headers)
        client = _client(scope, headers)
        if self._clients[client] >= self._limits.max_per_client:
            raise Refusal(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"at most {self._limits.max_per_client} requests of one client are answered at a time",
                retry_after_s=1,
            )
        self._clients[client] += 1
        try:
            await self._app(scope, _Bounded(receive, self._limits), answer)
        finally:
            self._clients[client] -= 1
            if not self._clients[client]:
                del self._clients[client]

    def _check_key(self, path: str, headers: dict[bytes, bytes]) -> None:
        if self._api_key is None or path in OPEN_PATHS:
            return
        given = headers.get(b"x-api-key") or _key_in(headers.get(b"authorization", b""))
        if not hmac.compare_digest(given, self._api_key.encode()):
            raise Refusal(
                HTTPStatus.UNAUTHORIZED,
                "give the server's key as 'Authorization: Bearer KEY' or 'X-API-Key: KEY'",
            )

    def _check_length(self, headers: dict[bytes, bytes]) -> None:
        length = headers.get(b"content-length", b"0")
        if length.isdigit() and int(length) > self._limits.max_bytes:
            raise _too_many_bytes(self._limits)


async def _until_stopped(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """The application's own start and stop; a second Ctrl-C ends them as well, and is no fault for the log."""
    is_stopped = False

    async def heard() -> Message:
        nonlocal is_stopped
        try:
            return await receive()
        except asyncio.CancelledError:
            is_stopped = True
            raise

    async def said(message: Message) -> None:
        if not is_stopped:
            await send(message)

    await app(scope, heard, said)


def _key_in(authorization: bytes) -> bytes:
    """The key of ``Bearer KEY``, and the password of ``Basic``: Label Studio knows no other way to send one."""
    kind, _, value = authorization.partition(b" ")
    if kind.lower() != b"basic":
        return authorization.removeprefix(b"Bearer ")
    try:
        return base64.b64decode(value, validate=True).partition(b":")[2]
    except ValueError:
        return b""


def _client(scope: Scope, headers: dict[bytes, bytes]) -> str:
    return headers.get(b"x-api-key", b"").decode("latin-1") or str((scope.get("client") or ("?",))[0])


def _too_many_bytes(limits: Limits) -> Refusal:
    return too_large(f"the body is larger than {limits.max_bytes:,} bytes")


class _Bounded:
    """A request's body with an end: in bytes, also where no length was announced, and in time."""

    def __init__(self, receive: Receive, limits: Limits) -> None:
        self._receive = receive
        self._limits = limits
        self._received = 0
        self._complete = False
        self._since = time.monotonic()

    async def __call__(self) -> Message:
        if self._complete:  # only waits for the client to go
            return await self._receive()
        try:
            async with asyncio.timeout(self._seconds_left()):
                message = await self._receive()
        except TimeoutError:
            raise Refusal(HTTPStatus.REQUEST_TIMEOUT, "the body did not arrive in time") from None
        self._received += len(message.get("body", b""))
        self._complete = not message.get("more_body", False)
        if self._received > self._limits.max_bytes:
            raise _too_many_bytes(self._limits)
        return message

    def _seconds_left(self) -> float:
        allowed = self._limits.timeout_s + self._received / LEAST_BYTES_PER_S
        return self._since + allowed - time.monotonic()


class _Answer:
    """Notes the status that was sent, and sends refusals where nothing was sent yet."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self._send(message)

    async def refuse(self, refusal: Refusal, *, kind: str = "Refusal") -> None:
        """Send a refusal, unless an answer has begun already."""
        if self.status:
            return
        body = json_text(body_of(kind, str(refusal))).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        if refusal.retry_after_s is not None:
            headers.append((b"retry-after", str(refusal.retry_after_s).encode()))
        if refusal.status is HTTPStatus.UNAUTHORIZED:
            headers.append((b"www-authenticate", b"Bearer"))
        await self({"type": "http.response.start", "status": int(refusal.status), "headers": headers})
        await self({"type": "http.response.body", "body": body})
