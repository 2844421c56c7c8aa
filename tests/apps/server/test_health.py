"""What ``/health`` says of the model."""

import pytest

pytest.importorskip("fastapi", reason="the serve extra is not installed")
from fastapi.testclient import TestClient

from tagalign.apps.server.app import create_app
from tagalign.tasks.model import load


def test_the_health_of_a_model_of_several_methods_is_json_all_through() -> None:
    """It was text of Python inside of JSON: ``"tag": "{'method': 'tagclip', ..."``."""
    model = load("tiny")
    with TestClient(create_app(model)) as client:
        said = client.get("/health").json()["model"]
    assert (said["model"], said["tag"]["method"], said["segment"]["method"]) == ("tiny", "tagclip", "surgery")
