"""The page of the interface: its examples are requests that are read, its forms have an upload and no null."""

import base64
import io

import pytest
from PIL import Image

from tagalign.apps.server import schemas
from tagalign.apps.server.inputs import FORM, JSON
from tagalign.apps.server.openapi import PIXEL_PNG, refusals, request_body

KINDS = [
    schemas.TagRequest,
    schemas.SegmentRequest,
    schemas.CaptionRequest,
    schemas.AskRequest,
    schemas.SearchRequest,
]


@pytest.mark.parametrize("kind", KINDS)
def test_the_example_is_a_request(kind):
    example = request_body(kind)["requestBody"]["content"][JSON]["example"]
    kind.model_validate(example)
    assert ("query" in example) != ("image_base64" in example)


def test_the_pixel_of_the_examples_is_an_image():
    assert Image.open(io.BytesIO(base64.b64decode(PIXEL_PNG))).size == (1, 1)


@pytest.mark.parametrize("kind", KINDS)
def test_a_form_has_an_upload_and_the_other_fields(kind):
    form = request_body(kind)["requestBody"]["content"][FORM]["schema"]
    assert form["properties"]["image"] == {"type": "string", "format": "binary", "description": "The file."}
    assert set(form["properties"]) == (set(kind.model_fields) - {"image_base64", "image_url"}) | {"image"}
    assert "null" not in str(form)
    wanted = [name for name, field in kind.model_fields.items() if field.is_required()]
    assert form["required"] == [*wanted, *([] if kind is schemas.SearchRequest else ["image"])]
    assert form["properties"]["options"]["type"] == "string"


def test_every_refusal_has_a_status_and_words():
    found = refusals()
    assert all(400 <= status < 600 and entry["description"].endswith(".") for status, entry in found.items())
    assert {413, 422, 429, 503} <= found.keys()
