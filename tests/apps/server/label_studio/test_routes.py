"""Label Studio's questions over HTTP, as its own connector sends them.

Holds ``apps/server/label_studio/learner.py``, ``apps/server/label_studio/requests.py``.
"""

import asyncio
import base64
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

pytest.importorskip("fastapi", reason="the serve extra is not installed")
from fastapi.testclient import TestClient
from label_studio_requests import CONFIG, body, data_address, png, tasks

import tagalign
from tagalign.apps.server.app import create_app
from tagalign.apps.server.label_studio.routes import LabelStudioSettings
from tagalign.apps.server.limits import Limits
from tagalign.tasks.model import Model
from tagalign.tasks.review.clicks import REVIEW_FILE, read_clicks
from tagalign.testing.stub_method import StubMethod

Start = Callable[..., TestClient]


# --- is it there ------------------------------------------------------------------------------------------------------


def test_a_project_is_connected(start: Start) -> None:
    client = start()
    assert client.get("/label-studio/health").json()["status"] == "UP"
    assert client.get("/label-studio/").json()["status"] == "UP"
    asked = {"project": "1.17", "schema": CONFIG, "hostname": "http://localhost:8080", "access_token": "x"}
    version = client.post("/label-studio/setup", json=asked | {"extra_params": None}).json()["model_version"]
    assert version.startswith("tagalign-")
    assert client.get("/label-studio/versions").json() == {"versions": [version]}
    empty = client.post("/label-studio/setup", json={"project": "1.17", "schema": "<View></View>"})
    assert (empty.status_code, empty.json()["model_version"]) == (200, version)


def test_a_key_is_taken_as_label_studio_sends_it(start: Start) -> None:
    client = start(api_key="secret")
    assert client.get("/label-studio/health").status_code == 200
    assert client.get("/label-studio/versions").status_code == 401
    assert client.get("/label-studio/versions", auth=("anyone", "secret")).status_code == 200
    assert client.get("/label-studio/versions", auth=("anyone", "wrong")).status_code == 401
    for header in ("Basic", "Basic %%%", "Basic " + base64.b64encode(b"secret").decode()):
        assert client.get("/label-studio/versions", headers={"Authorization": header}).status_code == 401


# --- predictions ------------------------------------------------------------------------------------------------------


def test_tasks_of_one_request_go_through_the_model_together(start: Start) -> None:
    method = StubMethod()
    client = start(Model(method), limits=Limits(max_batch=4))
    answer = client.post("/label-studio/predict", json=body(tasks()))
    found = answer.json()
    assert answer.status_code == 200
    assert method.batches == [4, 3, 4]
    assert [len(one.get("result", "")) for one in found["results"]] == [3] * 7 + [0] + [3] * 4
    # without "result": Label Studio keeps an empty one as an answer, and does not ask again
    assert set(found["results"][7]) == {"model_version", "error"}
    assert "not an image" in found["results"][7]["error"]
    assert {one["model_version"] for one in found["results"]} == {found["model_version"]}
    first = found["results"][0]
    assert first["score"] == pytest.approx((1.0 + 0.5 + 0.5) / 3, abs=1e-6)
    assert [one["from_name"] for one in first["result"]] == ["tags", "boxes", "boxes"]


def test_predictions_are_what_label_studio_takes(start: Start) -> None:
    interface = pytest.importorskip(
        "label_studio_sdk.label_interface", reason="label-studio-sdk is not installed"
    )
    found = start().post("/label-studio/predict", json=body(tasks(2))).json()
    for one in found["results"]:
        assert interface.LabelInterface(CONFIG).validate_prediction(one, return_errors=True) == []


def test_a_phrase_is_looked_for_where_a_person_types_it_and_where_the_task_has_it(start: Start) -> None:
    client = start()
    typed = {"result": [{"type": "textarea", "from_name": "phrase", "value": {"text": ["the cat", " "]}}]}
    (found,) = client.post("/label-studio/predict", json=body(tasks(1), context=typed)).json()["results"]
    assert [one["value"]["rectanglelabels"] for one in found["result"]] == [["cat"]]
    task = {"data": {"image": data_address(png()), "say": "the cat"}}
    (found,) = client.post("/label-studio/predict", json=body(task)).json()["results"]
    assert [one.get("meta") for one in found["result"]] == [None, None, None, {"text": ["the cat"]}]


def test_a_label_in_hand_is_looked_for_alone(start: Start) -> None:
    drawn = {"type": "rectanglelabels", "from_name": "boxes", "value": {"rectanglelabels": ["cat"], "x": 1}}
    asked = body(tasks(1), context={"result": [drawn, 3]})
    (found,) = start().post("/label-studio/predict", json=asked).json()["results"]
    assert [one["value"]["rectanglelabels"] for one in found["result"]] == [["cat"]]


@pytest.mark.parametrize(
    ("asked", "status", "message"),
    [
        (b"{", 422, "not JSON"),
        (b"[]", 422, "JSON object"),
        ({}, 422, "tasks: Field required"),
        (body([{"data": 3}]), 422, "tasks.0.data"),
        (body("x"), 422, "tasks"),
        (body(tasks(1), config="<View>"), 422, "labelling config: expected XML"),
        (body(tasks(1), config="<View></View>"), 422, "expected an Image and one of Choices"),
        (body([{"data": {}}]), 422, "data.image: expected the address"),
        (body([{"data": {"image": "http://example.org/a.png"}}]), 422, "fetches nothing"),
        (body([{"data": {"image": "/etc/hostname"}}]), 422, "--label-studio-folder"),
        (body([{"data": {"image": "data:image/png;base64,*"}}]), 422, "not base64"),
        (body([{}] * 100_001), 413, "at most 100000"),
        (body(tasks(1), config=CONFIG.replace('"dog"', f'"{"x" * 2000}"')), 413, "at most 1000 characters"),
        (body({"data": {"image": data_address(png()), "say": "x" * 2000}}), 413, "at most 1000 characters"),
        (body(tasks(1), context={"result": [{"type": "textarea", "value": {"text": ["a\ud800"]}}]}), 422, "surrogate"),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_is_refused_in_one_line(
    start: Start, asked: Any, status: int, message: str
) -> None:
    # pure ASCII, as JSON of other languages may hold half pairs
    content = asked if isinstance(asked, bytes) else json.dumps(asked).encode()
    answer = start().post("/label-studio/predict", content=content)
    assert answer.status_code == status, answer.text
    text = answer.json()["error"]["message"]
    assert message in text
    assert "\n" not in text


def test_too_many_bytes_and_labels_are_refused(start: Start) -> None:
    client = start(limits=Limits(max_bytes=2000, max_labels=1))
    assert client.post("/label-studio/predict", content=b"x" * 3000).status_code == 413
    refused = client.post("/label-studio/predict", json=body(tasks(1)))
    assert (refused.status_code, "at most 1 labels" in refused.text) == (413, True)


@pytest.mark.usefixtures("unchecked_types")
def test_two_hundred_requests_at_a_time_are_all_answered(folder: Path, clip_folder: Path) -> None:
    count = 200
    model = tagalign.load(str(clip_folder), method="clip", short_side=32)
    app = create_app(model, label_studio=LabelStudioSettings(folders=(folder,)))
    choices = (
        CONFIG.partition("<RectangleLabels")[0] + "</View>"
    )  # tags alone: the test is about the requests

    async def ask() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app=app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://x") as client,
        ):
            asking = [
                client.post("/label-studio/predict", json=body([tasks()[i % 7]], config=choices), timeout=300)
                for i in range(count)
            ]
            return await asyncio.gather(*asking)

    answers = asyncio.run(ask())
    assert [answer.status_code for answer in answers] == [200] * count
    found = [answer.json()["results"] for answer in answers]
    assert all(len(one) == 1 and one[0]["result"] and "error" not in one[0] for one in found)


DYNAMIC = (
    '<View><Image name="image" value="$image"/>'
    '<Choices name="tags" toName="image" choice="multiple" value="$words"/></View>'
)


def test_labels_that_the_task_brings_are_asked_task_by_task(start: Start, tmp_path: Path) -> None:
    client = start(out=tmp_path / "out", limits=Limits(max_labels=3))
    words = [["dog", "cat"], [{"value": "horse"}], [], None, ["a", "b", "c", "d"]]
    asked = [one | {"data": one["data"] | {"words": some}} for one, some in zip(tasks(5), words, strict=True)]
    found = client.post("/label-studio/predict", json=body(asked, config=DYNAMIC)).json()["results"]
    held = [one["result"][0]["value"]["choices"] for one in found[:2]]
    assert all(set(labels) <= of for labels, of in zip(held, [{"dog", "cat"}, {"horse"}], strict=True))
    for one, message in zip(
        found[2:], ["found none", "expected the list of labels", "at most 3"], strict=True
    ):
        assert ("result" in one, message in one["error"]) == (False, True), one
    sent = event(0, ["dog"])
    sent["task"]["data"]["words"], sent["project"]["label_config"] = ["dog", "cow"], DYNAMIC
    assert client.post("/label-studio/webhook", json=sent).json() == {"status": "kept", "photos": 1}
    (click,) = read_clicks([tmp_path / "out" / REVIEW_FILE]).counting()
    assert (click.labels, click.tags) == (("dog", "cow"), ("dog",))


def test_several_photos_of_one_task_are_refused_with_what_to_do(start: Start) -> None:
    config = CONFIG.replace('value="$image"', 'valueList="$images"')
    answer = start().post("/label-studio/predict", json=body(tasks(1), config=config))
    assert answer.status_code == 422
    assert "(valueList) are not answered; make a task of each photo" in answer.json()["error"]["message"]


# --- what people submit -----------------------------------------------------------------------------------------------


def event(
    number: int, labels: list[str], action: str = "ANNOTATION_CREATED", identifier: int | None = None
) -> dict:
    """As Label Studio's webhook sends it."""
    result = {"type": "choices", "from_name": "tags", "to_name": "image", "value": {"choices": labels}}
    annotation = {"id": number if identifier is None else identifier, "result": [result] if labels else []}
    return {
        "action": action,
        "annotation": annotation | {"was_cancelled": False},
        "task": tasks()[number],
        "project": {"id": 1, "label_config": CONFIG},
    }


class Seeing(StubMethod):
    """A dog in photos by their width."""

    def tag(self, image, labels):
        found = super().tag(image, labels)
        return tagalign.types.Tagging(names=found.names, scores=(image.shape[1] / 100, 0.1), chosen=(1,))


@pytest.fixture
def widths(folder: Path) -> None:
    """Photos of 10 to 60 pixels."""
    for number in range(6):
        (folder / f"upload/1/{number} a.png").write_bytes(png(width=10 * (number + 1)))


@pytest.mark.usefixtures("widths")
def test_annotations_are_kept_and_thresholds_learned(start: Start, tmp_path: Path) -> None:
    out = tmp_path / "out"
    client = start(Model(Seeing()), out=out)
    before = client.get("/label-studio/versions").json()
    for number in range(6):  # wide ones have a dog
        answer = client.post("/label-studio/webhook", json=event(number, ["dog"] if number >= 3 else []))
        assert (answer.status_code, answer.json()) == (201, {"status": "kept", "photos": 1})
    assert [click.tags for click in read_clicks([out / REVIEW_FILE]).counting()] == [()] * 3 + [("dog",)] * 3
    trained = client.post("/label-studio/webhook", json=event(0, [], "START_TRAINING")).json()
    assert trained["status"] == "learned"
    assert client.get("/label-studio/versions").json() != before
    _predicts_by_width(client)
    # another process knows what was learned, at once and after it looked again
    again = start(Model(Seeing()), out=out)
    _predicts_by_width(again)
    again.post("/label-studio/webhook", json=event(0, [], "START_TRAINING"))
    _predicts_by_width(again)
    (learned,) = json.loads((out / "thresholds.json").read_text())["lists"]
    assert learned["thresholds"] == {"dog": pytest.approx(0.35)}  # half-way between 30 and 40 pixels


def _predicts_by_width(client: TestClient) -> None:
    found = client.post("/label-studio/predict", json=body(tasks(6))).json()["results"]
    assert [one["result"][0]["value"] for one in found] == [{"choices": ["cat"]}] * 3 + [
        {"choices": ["dog", "cat"]}
    ] * 3


def test_a_corrected_annotation_counts_once_and_a_deleted_one_no_more(start: Start, tmp_path: Path) -> None:
    client, path = start(out=tmp_path / "out"), tmp_path / "out" / REVIEW_FILE
    client.post("/label-studio/webhook", json=event(0, ["dog"], identifier=5))
    client.post("/label-studio/webhook", json=event(0, ["cat"], "ANNOTATION_UPDATED", identifier=5))
    client.post("/label-studio/webhook", json=event(1, ["cat"], identifier=6))
    found = read_clicks([path])
    assert [click.tags for click in found.counting()] == [("cat",), ("cat",)]
    assert found.disagreements() == []
    client.post("/label-studio/webhook", json=event(0, ["dog"], identifier=7))
    assert [click.tags for click in read_clicks([path]).counting()] == [("dog",), ("cat",)]
    gone = {"action": "ANNOTATIONS_DELETED", "annotations": [{"id": 7}], "project": {"id": 1}}
    assert client.post("/label-studio/webhook", json=gone).json() == {"status": "taken back", "photos": 1}
    assert [click.tags for click in read_clicks([path]).counting()] == [("cat",), ("cat",)]
    client.post("/label-studio/webhook", json=gone | {"annotations": [{"id": 5}, {"id": 99}]})
    assert [click.photo for click in read_clicks([path]).counting()] == ["upload/1/1 a.png"]


@pytest.mark.parametrize(
    ("sent", "status", "message"),
    [
        ({"action": "ANNOTATION_CREATED"}, 422, "labelling config"),
        (event(0, ["dog"]) | {"task": {"data": {}}}, 422, "data.image"),
        (event(0, ["dog"]) | {"task": []}, 422, "a task for each annotation"),
        (event(0, ["dog"]) | {"annotation": {"id": 1}}, 422, "annotation.result"),
        ({"project": {}}, 422, "action"),
        ({"action": "TASKS_CREATED", "tasks": []}, 201, "ignored"),
    ],
)
def test_events_that_teach_nothing(
    start: Start, tmp_path: Path, sent: Any, status: int, message: str
) -> None:
    answer = start(out=tmp_path / "out").post("/label-studio/webhook", json=sent)
    assert (answer.status_code, message in answer.text) == (status, True), answer.text
    assert not (tmp_path / "out" / REVIEW_FILE).exists()


def test_without_a_folder_nothing_is_kept(start: Start) -> None:
    answer = start().post("/label-studio/webhook", json=event(0, ["dog"]))
    assert (answer.status_code, answer.json()["status"]) == (201, "ignored")


def test_a_disk_that_takes_no_more_is_said_without_its_paths(start: Start, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    client = start(out=tmp_path / "file" / "out")
    answer = client.post("/label-studio/webhook", json=event(0, ["dog"]))
    assert (answer.status_code, str(tmp_path) in answer.text) == (507, False)
    assert "the server's log" in answer.json()["error"]["message"]


def test_annotations_that_come_at_a_time_are_lines_of_their_own(start: Start, tmp_path: Path) -> None:
    client = start(out=tmp_path / "out")
    sending = [
        threading.Thread(
            target=client.post,
            args=("/label-studio/webhook",),
            kwargs={"json": event(i % 7, ["dog"], identifier=i)},
        )
        for i in range(20)
    ]
    for thread in sending:
        thread.start()
    for thread in sending:
        thread.join()
    found = read_clicks([tmp_path / "out" / REVIEW_FILE])
    assert (found.notes, len(found.counting())) == ([], 7)
    assert sum(map(len, found.histories.values())) == 20
    until = time.monotonic() + 20
    while not (tmp_path / "out/thresholds.json").exists() and time.monotonic() < until:
        time.sleep(0.02)
    assert (tmp_path / "out/thresholds.json").exists()  # learned behind the answers, asked by nobody
