"""Predictions of many tasks: what is answered in time, and what comes next."""

import threading
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("fastapi", reason="the serve extra is not installed")
from fastapi.testclient import TestClient
from label_studio_requests import body, tasks

from tagalign.apps.server.label_studio import asking
from tagalign.apps.server.limits import Limits
from tagalign.tasks.model import Model
from tagalign.testing.stub_method import StubMethod, stub_model

Start = Callable[..., TestClient]


class OneAtOnce(StubMethod):
    """The first batch is encoded at once, the second when it may."""

    def __init__(self) -> None:
        super().__init__()
        self.may = threading.Event()

    def encode_images(self, images: Sequence[Image.Image]) -> list[np.ndarray]:
        if self.batches:
            self.may.wait(60)
        return super().encode_images(images)


def test_what_is_answered_in_time_is_given_and_the_rest_comes_next(
    start: Start, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    method = OneAtOnce()
    client = start(Model(method), limits=Limits(max_batch=2, timeout_s=0.1))
    monkeypatch.setattr(asking, "PATIENCE_S", 1.5)  # more than a stub ever takes for two
    found = client.post("/label-studio/predict", json=body(tasks(6))).json()["results"]
    assert ["result" in one for one in found] == [True, True, False, False, False, False]
    assert {one.get("error") for one in found[2:]} == {"no answer within 1.5 s; come back later"}
    assert "no time for 4 of 6 tasks" in caplog.text
    method.may.set()
    monkeypatch.setattr(asking, "PATIENCE_S", 60.0)
    rest = client.post("/label-studio/predict", json=body(tasks(6)[2:])).json()["results"]
    assert ["result" in one for one in rest] == [True] * 4
    assert method.batches == [
        2,
        2,
        2,
        2,
    ]  # the one that was late, and nothing for those whose turn did not come


def test_where_there_is_time_for_none_label_studio_is_told_to_come_back(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "PATIENCE_S", 0.05)
    client = start(stub_model(delay_s=0.3), limits=Limits(timeout_s=0.05))
    answer = client.post("/label-studio/predict", json=body(tasks(2)))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
