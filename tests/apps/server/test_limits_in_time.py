import asyncio
import base64
import io
from typing import Any

import pytest
from PIL import Image

pytest.importorskip("fastapi", reason="the serve extra is not installed")
import httpx

from tagalign.apps.server.app import create_app
from tagalign.apps.server.limits import Limits
from tagalign.testing.stub_method import stub_model


def tag_body() -> dict[str, object]:
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, format="PNG")
    return {"image_base64": base64.b64encode(file.getvalue()).decode(), "labels": ["a"]}


def ask_together(count: int, *, delay_s: float, **limits: Any) -> list[httpx.Response]:
    app = create_app(stub_model(delay_s=delay_s), limits=Limits(**limits))

    async def ask() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://test") as client,
        ):
            return await asyncio.gather(*(client.post("/v1/tag", json=tag_body()) for _ in range(count)))

    return asyncio.run(ask())


def test_one_client_cannot_take_the_whole_server() -> None:
    answers = ask_together(6, delay_s=0.05, max_per_client=2)
    assert sorted(answer.status_code for answer in answers) == [200, 200, 429, 429, 429, 429]
    assert all(a.headers["retry-after"] == "1" for a in answers if a.status_code == 429)


def test_late_answers_become_503_with_a_time_to_come_back() -> None:
    (answer,) = ask_together(1, delay_s=0.3, timeout_s=0.05)
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"


def test_a_full_queue_is_503() -> None:
    answers = ask_together(8, delay_s=0.1, max_queue=1, max_batch=1)
    statuses = [answer.status_code for answer in answers]
    assert set(statuses) == {200, 503}
    assert all("retry-after" in a.headers for a in answers if a.status_code == 503)
