"""Servers that Label Studio asks, and a folder of photos behind them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="the serve extra is not installed")
from fastapi.testclient import TestClient
from label_studio_requests import png

from tagalign.apps.server.app import create_app
from tagalign.apps.server.label_studio.routes import LabelStudioSettings
from tagalign.apps.server.limits import Limits
from tagalign.tasks.model import Model
from tagalign.testing.stub_method import stub_model


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve photos, one of them broken."""
    root = tmp_path / "media"
    (root / "upload/1").mkdir(parents=True)
    for number in range(12):
        (root / f"upload/1/{number} a.png").write_bytes(png() if number != 7 else b"broken")
    return root


Start = Callable[..., TestClient]


@pytest.fixture
def start(folder: Path) -> Iterator[Start]:
    """Servers that end with the test."""
    opened: list[TestClient] = []

    def begin(model: Model | None = None, *, limits: Limits | None = None, **settings: Any) -> TestClient:
        key = settings.pop("api_key", None)
        own = LabelStudioSettings(folders=(folder,), **settings)
        app = create_app(model or stub_model(), limits=limits, label_studio=own, api_key=key)
        client = TestClient(app, raise_server_exceptions=False)
        client.__enter__()
        opened.append(client)
        return client

    yield begin
    for client in opened:
        client.__exit__(None, None, None)
