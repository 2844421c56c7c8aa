"""Who may ask: a key, in either header, for everything but the health of the server; and how slowly."""

import asyncio
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="the serve extra is not installed")
from fastapi.testclient import TestClient

from tagalign.apps.server.app import create_app
from tagalign.apps.server.limits import Limits
from tagalign.testing.stub_method import stub_model

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4//8/AAX+Av4N70a4AAAAAElFTkSuQmCC"


def test_the_key_is_asked_for() -> None:
    with TestClient(create_app(stub_model(), api_key="correct")) as client:
        assert client.get("/health").status_code == 200
        for headers in ({}, {"X-API-Key": "wrong"}, {"Authorization": "Bearer wrong"}):
            answer = client.post("/v1/tag", json={"image_base64": PIXEL, "labels": ["a"]}, headers=headers)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"] == "Bearer"
        assert client.get("/metrics").status_code == 401
        for headers in ({"X-API-Key": "correct"}, {"Authorization": "Bearer correct"}):
            assert (
                client.post(
                    "/v1/tag", json={"image_base64": PIXEL, "labels": ["a"]}, headers=headers
                ).status_code
                == 200
            )


@pytest.mark.parametrize(("step", "pause_s", "status"), [(1, 0.02, 408), (400, 0.02, 422)])
def test_a_body_that_drips_is_not_waited_for_and_a_slow_line_is(
    step: int, pause_s: float, status: int
) -> None:
    app = create_app(stub_model(), limits=Limits(timeout_s=0.2))
    sent: list[Any] = []
    scope = {
        "type": "http", "method": "POST", "path": "/v1/tag", "raw_path": b"/v1/tag", "query_string": b"",
        "headers": [(b"content-type", b"application/json")], "client": ("127.0.0.1", 1), "http_version": "1.1",
    }  # fmt: skip
    left = [b"{" * step] * 30  # 0.6 s: 20,000 bytes a second, or 50

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(pause_s)
        body = left.pop()
        return {"type": "http.request", "body": body, "more_body": bool(left)}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def ask() -> None:
        async with app.router.lifespan_context(app):
            await app(scope, receive, send)  # type: ignore[arg-type]

    asyncio.run(ask())
    assert sent[0]["status"] == status
    assert int(dict(sent[0]["headers"])[b"content-length"]) == len(sent[1]["body"])


def test_head_is_answered_wherever_get_is() -> None:
    with TestClient(create_app(stub_model())) as client:
        for path in ("/health", "/metrics", "/label-studio/health", "/docs", "/openapi.json"):
            assert client.head(path).status_code == client.get(path).status_code == 200
        assert client.head("/v1/masks/" + 32 * "0" + ".png").status_code == 404
        assert client.head("/v1/tag").status_code == 405
        assert not any("head" in one for one in client.get("/openapi.json").json()["paths"].values())


def test_a_stop_that_does_not_wait_is_503() -> None:
    sent: list[Any] = []
    scope = {"type": "http", "method": "POST", "path": "/v1/tag", "query_string": b""}
    headers = [(b"content-type", b"application/json")]

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(60)
        return {}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def ask() -> None:
        app = create_app(stub_model())
        asked = asyncio.ensure_future(app(scope | {"headers": headers}, receive, send))  # type: ignore[arg-type]
        await asyncio.sleep(0.05)
        asked.cancel()
        await asked

    asyncio.run(ask())
    assert [sent[0]["status"], dict(sent[0]["headers"])[b"retry-after"]] == [503, b"1"]


def test_a_second_ctrl_c_is_no_fault_of_the_application() -> None:
    """Uvicorn ends the task that waits for the word to stop, and would log what the application says of it."""
    app = create_app(stub_model())
    words: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    sent: list[str] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message["type"])

    async def begin_and_end() -> None:
        task = asyncio.ensure_future(app({"type": "lifespan"}, words.get, send))  # type: ignore[arg-type]
        words.put_nowait({"type": "lifespan.startup"})
        while not sent:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(begin_and_end())
    assert sent == ["lifespan.startup.complete"]
