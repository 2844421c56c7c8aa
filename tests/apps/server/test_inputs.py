"""Uploads that lie in a file while they are read."""

import errno
import tempfile

import pytest

pytest.importorskip("fastapi", reason="the serve extra is not installed")
from fastapi.testclient import TestClient

from tagalign.apps.server.app import create_app
from tagalign.testing.stub_method import stub_model


def test_a_disk_that_takes_no_upload_is_no_fault(monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device", "/secret/place")

    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "rollover", full)  # above a megabyte
    with TestClient(create_app(stub_model())) as client:
        answer = client.post("/v1/tag", data={"labels": "a"}, files={"image": bytes(2_000_000)})
    message = "the upload cannot be kept; the server's log says why"
    assert (answer.status_code, answer.json()["error"]["message"]) == (507, message)
