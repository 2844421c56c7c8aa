"""Who may ask: a key, in either header, for everything but the health of the server."""

import pytest

pytest.importorskip("fastapi", reason="the serve extra is not installed")
from fastapi.testclient import TestClient

from tagalign.apps.server.app import create_app
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
