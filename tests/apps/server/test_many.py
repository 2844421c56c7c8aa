"""Many photos with one question: each line equals the answer to its photo alone."""

import base64
import io
import json

import pytest
from PIL import Image

pytest.importorskip("fastapi", reason="the serve extra is not installed")
from fastapi.testclient import TestClient

from tagalign.apps.server.app import create_app
from tagalign.apps.server.limits import Limits
from tagalign.testing.stub_method import BAD_SIDE, stub_model


def png(width=8, height=6):
    file = io.BytesIO()
    Image.new("RGB", (width, height)).save(file, format="PNG")
    return file.getvalue()


def b64(data):
    return base64.b64encode(data).decode()


SIDES = [(8, 6), (6, 8), (8, 6)]


@pytest.fixture(scope="module")
def client():
    limits = Limits(max_bytes=100_000, max_pixels=10_000, max_images=4)
    with TestClient(create_app(stub_model(), limits=limits), raise_server_exceptions=False) as client:
        yield client


def lines(answer):
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    return [json.loads(line) for line in answer.text.splitlines()]


@pytest.mark.parametrize("path", ["/v1/tag", "/v1/segment"])
def test_each_line_is_the_answer_to_its_photo(client, path):
    images = [b64(png(*side)) for side in SIDES]
    found = lines(client.post(f"{path}/many", json={"images": images, "labels": ["dog", "cat"]}))
    alone = [client.post(path, json={"image_base64": one, "labels": ["dog", "cat"]}).json() for one in images]
    assert found == [{"image": i, **one} for i, one in enumerate(alone)]


def test_a_form_repeats_its_upload(client):
    files = [("image", ("a.png", png(*side))) for side in SIDES]
    found = lines(client.post("/v1/segment/many", files=files, data={"labels": "dog, cat"}))
    assert [one["size"] for one in found] == [[6, 8], [8, 6], [6, 8]]


def test_a_bad_photo_has_an_error_in_its_line(client):
    images = [b64(png()), "no base64!", b64(png(BAD_SIDE, BAD_SIDE)), "https://example.org/a.png"]
    found = lines(client.post("/v1/tag/many", json={"images": images, "labels": ["dog"]}))
    assert [one["image"] for one in found] == [0, 1, 2, 3]
    assert found[0]["chosen"] == ["dog"]
    assert ["error" in one for one in found] == [False, True, True, True]
    assert "not base64" in found[1]["error"]["message"]
    assert "fetches nothing" in found[3]["error"]["message"]


@pytest.mark.parametrize(
    ("fields", "status", "said"),
    [
        ({}, 422, "expected photos in 'images'"),
        ({"images": []}, 422, "expected photos in 'images'"),
        ({"image_base64": b64(png())}, 422, "ask for one photo elsewhere"),
        ({"images": [b64(png())] * 5}, 413, "at most 4 are taken, got 5"),
        ({"images": [3]}, 422, "images.0"),
    ],
)
def test_what_is_refused_as_a_whole(client, fields, status, said):
    answer = client.post("/v1/tag/many", json={"labels": ["dog"], **fields})
    assert answer.status_code == status
    assert said in answer.json()["error"]["message"]


def test_too_many_uploads_are_refused(client):
    files = [("image", ("a.png", png()))] * 5
    assert client.post("/v1/tag/many", files=files, data={"labels": "dog"}).status_code in (400, 413, 422)


def test_a_mask_has_an_address_by_its_content(client):
    asked = {"image_base64": b64(png()), "labels": ["dog", "cat"], "masks": "url"}
    first, again = (client.post("/v1/segment", json=asked).json() for _ in range(2))
    assert first["mask_png"] is None
    assert first["mask_url"] == again["mask_url"]
    got = client.get(first["mask_url"])
    as_png = client.post("/v1/segment", json={**asked, "masks": "png"}).json()["mask_png"]
    assert b64(got.content) == as_png
    assert got.headers["content-type"] == "image/png"
    assert got.headers["cache-control"] == "private, max-age=31536000, immutable"
    held = client.get(first["mask_url"], headers={"If-None-Match": got.headers["etag"]})
    assert (held.status_code, held.content) == (304, b"")
    assert client.get(f"/v1/masks/{'0' * 32}.png").status_code == 404
