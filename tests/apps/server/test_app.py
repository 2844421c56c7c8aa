import base64
import io
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("fastapi", reason="the serve extra is not installed")
from fastapi.testclient import TestClient

from tagalign.apps.server.app import create_app
from tagalign.apps.server.limits import Limits
from tagalign.errors import NotFiniteError
from tagalign.ops.masks import decode_rle
from tagalign.testing.stub_method import StubMethod, stub_model
from tagalign.types import Hit, Ranking


def png(width: int = 8, height: int = 6, mode: str = "RGB") -> bytes:
    file = io.BytesIO()
    Image.new(mode, (width, height)).save(file, format="PNG")
    return file.getvalue()


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def body(**fields: object) -> dict[str, object]:
    return {"image_base64": b64(png()), **fields}


@pytest.fixture
def client() -> Iterator[TestClient]:
    limits = Limits(max_bytes=100_000, max_pixels=10_000, max_labels=20, max_text=50)
    with TestClient(create_app(stub_model(), limits=limits), raise_server_exceptions=False) as client:
        yield client


# --- answers --------------------------------------------------------------------------------------------------------


def test_tags_come_by_falling_score(client: TestClient) -> None:
    answer = client.post("/v1/tag", json=body(labels=["dog", "cat", "sky"], top=2))
    assert answer.json() == {
        "tags": [{"name": "dog", "score": 1.0}, {"name": "cat", "score": 0.5}],
        "chosen": ["dog"],
    }


def test_a_form_with_an_upload_is_answered_like_base64(client: TestClient) -> None:
    by_json = client.post("/v1/tag", json=body(labels=["dog", "cat"])).json()
    files = {"image": ("a.png", png())}
    by_commas = client.post("/v1/tag", files=files, data={"labels": "dog, cat"})
    by_fields = client.post("/v1/tag", files=files, data={"labels": ["dog", "cat"]})
    assert by_commas.json() == by_fields.json() == by_json


def test_data_addresses_of_browsers_are_taken(client: TestClient) -> None:
    image = "data:image/png;base64," + b64(png())
    assert client.post("/v1/tag", json={"image_base64": image, "labels": ["a"]}).status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "\n".join(text[i : i + 20] for i in range(0, len(text), 20)) + "\r\n",
        lambda text: text.replace("+", "-").replace("/", "_"),
        lambda text: text.rstrip("="),
        lambda text: "data:image/png;charset=utf-8;base64," + text,
        lambda text: "DATA:image/png;BASE64,\n" + text,
    ],
)
def test_base64_as_different_tools_write_it(client: TestClient, change) -> None:
    pixels = np.random.default_rng(0).integers(
        0, 255, (6, 8, 3), dtype=np.uint8
    )  # both special letters occur
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="PNG")
    text = b64(file.getvalue())
    assert {"+", "/"} <= set(text)
    answer = client.post("/v1/tag", json={"image_base64": change(text), "labels": ["a"]})
    assert answer.status_code == 200, answer.text


def test_data_addresses_need_no_network(client: TestClient) -> None:
    image = "data:image/png;base64," + b64(png())
    assert client.post("/v1/tag", json={"image_url": image, "labels": ["a"]}).status_code == 200
    refused = client.post("/v1/tag", json={"image_url": "data:image/png;base64,*", "labels": ["a"]})
    assert refused.status_code == 422
    assert refused.json()["error"]["message"] == "image_url: not base64"


def test_labels_in_every_form_that_people_send(client: TestClient) -> None:
    def names(answer) -> list[str]:
        return sorted(tag["name"] for tag in answer.json()["tags"])

    assert names(client.post("/v1/tag", json=body(labels="dog, car"))) == ["car", "dog"]
    files = {"image": ("a.png", png())}
    for labels, expected in (
        (["salt, pepper", "dog"], ["dog", "salt, pepper"]),
        ('["salt, pepper"]', ["salt, pepper"]),
        ("[odd, names", ["[odd", "names"]),
        ("dog,car", ["car", "dog"]),
    ):
        assert names(client.post("/v1/tag", files=files, data={"labels": labels})) == expected


def test_labels_come_with_their_words_as_lines_and_as_objects(client: TestClient) -> None:
    entries = ["cup: mug; not trophy", {"name": "dog", "aliases": ["puppy"], "negatives": ["wolf"]}, "sky"]
    answer = client.post("/v1/tag", json=body(labels=entries))
    assert {tag["name"] for tag in answer.json()["tags"]} == {"cup", "dog", "sky"}
    wrong: list[tuple[list[object], str]] = [
        (["cup: mug; not mug"], "excludes it too"),
        (["cup: mug", "glass: mug"], "two tags"),
        ([{"name": "cup", "aliases": "mug"}], "labels"),
        ([{"name": "cup", "colour": "red"}], "labels"),
        ([{"name": "cup", "negatives": ["x" * 51]}], "at most 50 characters"),
    ]
    for labels, message in wrong:
        answer = client.post("/v1/tag", json=body(labels=labels))
        assert answer.status_code in {413, 422}, answer.text
        assert message in answer.text


@pytest.mark.parametrize("labels", ["", " , ,", "[]", "[1]", "{}", '["a", ""]'])
def test_forms_without_a_usable_label_are_refused_in_one_line(client: TestClient, labels: str) -> None:
    answer = client.post("/v1/tag", files={"image": ("a.png", png())}, data={"labels": labels})
    if labels == "{}":  # a name like any other
        assert answer.status_code == 200
        return
    assert answer.status_code == 422
    assert "\n" not in answer.json()["error"]["message"]


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_numbers_that_json_does_not_have_are_refused(client: TestClient, constant: str) -> None:
    text = f'{{"labels": ["a"], "top": {constant}, "image_base64": "{b64(png())}"}}'
    answer = client.post("/v1/tag", content=text, headers={"content-type": "application/json"})
    assert answer.status_code == 422
    assert f"{constant} is no number of JSON" in answer.json()["error"]["message"]


def test_regions_that_are_sent_come_back_one_by_one(client: TestClient) -> None:
    halves = [[[0, 0, 4, 0, 4, 6, 0, 6]], [[4, 0, 8, 0, 8, 6, 4, 6]]]  # of the 8 x 6 pixels of `png`
    asked = body(labels=["dog", "cat"], masks="rle", regions=halves)
    assert [one["area"] for one in client.post("/v1/segment", json=asked).json()["regions"]] == [24, 24]


def test_masks_come_as_palette_png(client: TestClient) -> None:
    answer = client.post("/v1/segment", json=body(labels=["dog", "cat"])).json()
    assert answer["size"] == [6, 8]
    assert answer["shares"] == {"dog": 0.5, "cat": 0.5}
    with Image.open(io.BytesIO(base64.b64decode(answer["mask_png"]))) as mask:
        assert mask.mode == "P"
        np.testing.assert_array_equal(np.asarray(mask), np.repeat([[0] * 4 + [1] * 4], 6, axis=0))


def test_masks_come_as_run_length_code(client: TestClient) -> None:
    regions = client.post("/v1/segment", json=body(labels=["dog", "cat"], masks="rle")).json()["regions"]
    assert [(region["name"], region["box"], region["area"]) for region in regions] == [
        ("dog", [0, 0, 4, 6], 24),
        ("cat", [4, 0, 8, 6], 24),
    ]
    code = regions[1]["segmentation"]
    mask = decode_rle(code["counts"].encode(), tuple(code["size"]))
    assert mask.tolist() == [[False] * 4 + [True] * 4] * 6


def test_masks_come_as_polygons(client: TestClient) -> None:
    regions = client.post("/v1/segment", json=body(labels=["dog", "cat"], masks="polygons")).json()["regions"]
    (polygon,) = regions[1]["segmentation"]
    corners = {tuple(polygon[i : i + 2]) for i in range(0, len(polygon), 2)}
    assert corners == {(4, 0), (8, 0), (8, 6), (4, 6)}


def test_small_regions_are_left_out_on_request(client: TestClient) -> None:
    answer = client.post("/v1/segment", json=body(labels=["dog", "cat"], masks="rle", min_area=25))
    assert answer.json()["regions"] == []


@pytest.mark.parametrize(("masks", "field"), [("png", "mask_png"), ("rle", "segmentation")])
def test_a_phrase_has_box_and_mask(client: TestClient, masks: str, field: str) -> None:
    answer = client.post("/v1/refer", json=body(phrase="the dog", masks=masks)).json()
    assert (answer["box"], answer["score"]) == ([2, 1, 6, 3], 0.8)
    assert answer[field]


def test_a_phrase_without_a_region_has_no_box(client: TestClient) -> None:
    answer = client.post("/v1/refer", json=body(phrase="nothing", masks="polygons")).json()
    assert (answer["box"], answer["segmentation"]) == (None, [])


def test_captions_and_answers(client: TestClient) -> None:
    assert client.post("/v1/caption", json=body()).json() == {"caption": "a photo", "tags": {"photo": 0.9}}
    guided = client.post("/v1/caption", json=body(tags=["dog", "ball"])).json()
    assert guided["caption"] == "a photo of dog and ball"
    assert client.post("/v1/ask", json=body(question="is it red?")).json() == {"answer": "yes"}


class Search:
    """Repeats what it was asked."""

    def by_text(self, query: str, *, count: int, tag_weight: float | None, rerank: int) -> Ranking:
        return Ranking(
            query=query, hits=[Hit(key=f"{query} {count} {tag_weight} {rerank}", score=0.5, tags=("dog",))]
        )

    def by_photo(self, photo: Image.Image, *, count: int, tag_weight: float | None) -> Ranking:
        return Ranking(query="", hits=[Hit(key=f"{photo.size} {count} {tag_weight}", score=0.25, tags=())])


@pytest.fixture
def searching() -> Iterator[TestClient]:
    with TestClient(create_app(stub_model(), search=Search()), raise_server_exceptions=False) as client:
        yield client


def test_search_by_words_passes_everything_on(searching: TestClient) -> None:
    hits = searching.post("/v1/search", json={"query": "dogs"}).json()
    assert hits == {"hits": [{"key": "dogs 10 None 0", "score": 0.5, "tags": ["dog"]}]}
    asked = {"query": "dogs", "top": 3, "tag_weight": 0.0, "rerank": 5}
    assert searching.post("/v1/search", json=asked).json()["hits"][0]["key"] == "dogs 3 0.0 5"
    assert searching.post("/v1/search", files={"query": (None, "dogs")}).json() == hits


def test_search_by_a_photo_goes_by_upload_and_by_base64(searching: TestClient) -> None:
    by_json = searching.post("/v1/search", json=body(top=2)).json()
    assert by_json == {"hits": [{"key": "(8, 6) 2 None", "score": 0.25, "tags": []}]}
    assert (
        searching.post("/v1/search", files={"image": ("a.png", png())}, data={"top": "2"}).json() == by_json
    )


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({}, "either a query or an image"),
        (body(query="dogs"), "either a query or an image"),
        (body(rerank=3), "together with words"),
        ({"query": " "}, "empty string"),
        ({"query": "dogs", "tag_weight": -1}, "tag_weight"),
        ({"query": "dogs", "rerank": 1000}, "rerank"),
        ({"query": "dogs", "options": {"profile": "paper"}}, "settled when the index was made"),
        ({"image_base64": b64(b"no picture")}, "not an image"),
    ],
)
def test_a_search_that_cannot_be_is_refused(
    searching: TestClient, asked: dict[str, object], message: str
) -> None:
    answer = searching.post("/v1/search", json=asked)
    assert answer.status_code == 422
    assert message in answer.json()["error"]["message"]


def test_labels_are_encoded_once_per_list() -> None:
    method = StubMethod()
    from tagalign.tasks.model import Model

    with TestClient(create_app(Model(method))) as client:
        for labels in (["a", "b"], ["a", "b"], ["b", "a"], ["a", "b"]):
            client.post("/v1/tag", json=body(labels=labels))
    assert method.encoded_labels == [("a", "b"), ("b", "a")]


# --- state ----------------------------------------------------------------------------------------------------------


def test_health_names_the_model(client: TestClient) -> None:
    assert client.get("/health").json() == {"status": "ok", "model": {"method": "stub", "weights": None}}


def test_metrics_count_by_path_and_status(client: TestClient) -> None:
    client.post("/v1/tag", json=body(labels=["a"]))
    client.post("/v1/tag", json={})
    client.get("/some/where")
    page = client.get("/metrics").text
    assert 'tagalign_requests_total{path="/v1/tag",status="200"} 1.0' in page
    assert 'tagalign_requests_total{path="/v1/tag",status="422"} 1.0' in page
    assert 'tagalign_requests_total{path="other",status="404"} 1.0' in page
    assert "tagalign_batch_images_count 1.0" in page


def test_the_documentation_has_examples_that_work(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    for path in ("/v1/tag", "/v1/segment", "/v1/refer", "/v1/caption", "/v1/ask"):
        content = paths[path]["post"]["requestBody"]["content"]
        assert set(content) == {"application/json", "multipart/form-data"}
        assert client.post(path, json=content["application/json"]["example"]).status_code == 200


# --- refusals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "status", "message"),
    [
        ({"labels": []}, 422, "labels"),
        ({}, 422, "labels: Field required"),
        ({"labels": [""]}, 422, "labels.0"),
        ({"labels": ["a", "a"]}, 422, "a"),
        ({"labels": ["\ud800"]}, 422, "surrogate"),
        ({"labels": {"dog": 1}}, 422, "labels"),
        ({"labels": [str(i) for i in range(21)]}, 413, "at most 20 are taken, got 21"),
        ({"labels": ["x" * 51]}, 413, "at most 50 characters"),
        ({"labels": ["a"], "top": 0}, 422, "top"),
        ({"labels": ["a"], "more": 1}, 422, "more"),
        ({"labels": ["a"], "image_base64": "%%%"}, 422, "not base64"),
        ({"labels": ["a"], "image_base64": b64(b"text")}, 422, "not an image"),
        ({"labels": ["a"], "image_base64": b64(png()[:40])}, 422, "image"),
        ({"labels": ["a"], "image_base64": b64(png(101, 100))}, 413, "101 x 100 pixels, at most 10,000"),
        ({"labels": ["a"], "image_base64": None}, 422, "expected one image"),
        ({"labels": ["a"], "image_url": "http://x/a.png"}, 422, "expected one image"),
        ({"labels": ["a"], "image_base64": None, "image_url": "http://x/a.png"}, 422, "fetches nothing"),
        ({"labels": ["a"], "image_base64": b64(png(13, 13))}, 422, "cannot be encoded"),
    ],
)
def test_a_wrong_question_says_what_is_wrong(
    client: TestClient, fields: dict[str, object], status: int, message: str
) -> None:
    import json

    # written here, because the client refuses to write half a surrogate pair
    data = json.dumps({"image_base64": b64(png()), **fields}).encode()
    answer = client.post("/v1/tag", content=data, headers={"content-type": "application/json"})
    assert (answer.status_code, message in answer.json()["error"]["message"]) == (status, True), answer.json()


@pytest.mark.parametrize(
    ("data", "kind", "status"),
    [
        (b"", "application/json", 422),
        (b"[1]", "application/json", 422),
        (b"[" * 90_000, "application/json", 422),
        (b"\xff\xfe\x00", "application/json", 422),
        (b"{}", "text/plain", 415),
        (b"{}", "", 415),
        (b"x", "multipart/form-data", 400),
        (b"x", "multipart/form-data; boundary=a", 400),
        (b"--a\r\n\r\n\r\n--a--\r\n", "multipart/form-data; boundary=a; charset=nowhere", 400),
        (b"x" * 100_001, "application/json", 413),
    ],
)
def test_damaged_bodies(client: TestClient, data: bytes, kind: str, status: int) -> None:
    answer = client.post("/v1/tag", content=data, headers={"content-type": kind})
    assert answer.status_code in ({400, 422} if status == 400 else {status})
    assert set(answer.json()["error"]) == {"type", "message"}


def test_a_kind_of_body_that_is_long_is_not_sent_back_whole(client: TestClient) -> None:
    found = client.post("/v1/tag", content=b"{}", headers={"content-type": "a" * 9000})
    assert found.status_code == 415
    assert "a" * 50 in found.text
    assert len(found.text) < 300


def test_a_body_without_a_length_is_bounded_too(client: TestClient) -> None:
    def parts() -> Iterator[bytes]:
        for _ in range(11):
            yield b"x" * 10_000

    answer = client.post("/v1/tag", content=parts(), headers={"content-type": "application/json"})
    assert answer.status_code == 413


def test_a_fault_of_ours_tells_the_client_nothing_but_a_number(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    answer = client.post("/v1/ask", json=body(question="crash"))
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
    number = answer.json()["error"]["message"].split()[-1]
    assert number in caplog.text
    assert "secret detail" in caplog.text


def test_unknown_paths_and_methods_answer_in_the_same_form(client: TestClient) -> None:
    assert "; /docs lists the addresses" in client.get("/nowhere").json()["error"]["message"]
    assert client.get("/v1/tag").status_code == 405


def test_search_without_an_index_is_refused(client: TestClient) -> None:
    answer = client.post("/v1/search", json={"query": "dogs"})
    assert answer.status_code == 422
    assert "--index" in answer.json()["error"]["message"]


def test_an_encoder_that_yields_nan_is_a_fault_of_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise NotFiniteError("clip: the weights of blocks.3 hold NaN or infinity", by_weights=True)

    model = stub_model()
    monkeypatch.setattr(model.implementation, "encode_images", fail)
    with TestClient(create_app(model), raise_server_exceptions=False) as client:
        answer = client.post("/v1/tag", json=body(labels=["a"]))
    assert answer.status_code == 500
    message = "clip: the weights of blocks.3 hold NaN or infinity"
    assert answer.json() == {"error": {"type": "NotFiniteError", "message": message}}
