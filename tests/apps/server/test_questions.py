"""Fields that are wrong in many places: told in one line, and looked at no further than to the first."""

from http import HTTPStatus

import pytest

pytest.importorskip("fastapi", reason="the serve extra is not installed")
from pydantic import ValidationError

from tagalign.apps.server import schemas
from tagalign.apps.server.label_studio.requests import MOST_TASKS, PredictRequest, WebhookRequest, read_body
from tagalign.apps.server.limits import Limits
from tagalign.apps.server.many import many_kind
from tagalign.apps.server.questions import check_question
from tagalign.apps.server.refusals import Refusal
from tagalign.json_text import json_text

LIMITS = Limits(max_labels=3, max_images=5)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"labels": [5]}, "labels.0: Input should be a valid string"),
        ({"labels": ["dog", {"title": 1}]}, "labels.1.name: Field required"),
        ({"labels": [{"name": "dog", "aliases": "pup"}]}, "labels.0.aliases: Input should be a valid list"),
        ({"labels": ["a"], "options": {"bool": {}}}, "options.bool: Input should be a valid boolean"),
        ({"labels": ["a"], "options": {"w": [{}]}}, "options.w.0: Input should be a valid integer"),
        ({"labels": ["a"], "threshold": {}}, "threshold: Input should be a valid number"),
        ({"labels": ["a"], "regions": [[["x"]]]}, "regions.0.0.0: Input should be a valid number, unable"),
        ({"labels": ["a"], "tops": 3}, "tops: Extra inputs are not permitted"),
        ({}, "labels: Field required"),
    ],
)
def test_a_wrong_value_is_told_by_its_place_in_the_request_alone(fields, message):
    with pytest.raises(Refusal) as refused:
        check_question(schemas.SegmentRequest, fields, LIMITS)
    assert str(refused.value).startswith(message)
    assert refused.value.status == HTTPStatus.UNPROCESSABLE_ENTITY


WRONG = [{}] * 1000
"""No field takes one of them."""


@pytest.mark.parametrize(
    "fields",
    [
        {"labels": WRONG},
        {"labels": [{"name": "dog", "aliases": WRONG, "negatives": WRONG}]},
        {"labels": ["dog"], "options": {"window": WRONG}},
        {"labels": ["dog"], "regions": [5] * 1000},
        {"labels": ["dog"], "regions": [[WRONG]]},
        {"labels": ["dog"], "regions": [WRONG]},
    ],
)
def test_a_thousand_wrong_values_are_not_a_thousand_errors(fields):
    with pytest.raises(ValidationError) as wrong:
        schemas.SegmentRequest.model_validate(fields)
    assert wrong.value.error_count() < 10  # one or two of each kind that was tried, and there are six


@pytest.mark.parametrize("value", [1, {}, [], "dog"])
@pytest.mark.parametrize("name", ["labels", "options", "regions", "anything"])
def test_too_many_are_refused_before_anything_is_asked_of_each(name, value):
    with pytest.raises(Refusal, match=f"{name}: at most 3 are taken, got 4") as refused:
        check_question(schemas.SegmentRequest, {name: [value] * 4}, LIMITS)
    assert refused.value.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"labels": [{"name": "dog", "aliases": ["pup"] * 4}]}, "labels: at most 3 are taken, got 4"),
        ({"labels": [dict.fromkeys("abcd")]}, "labels: at most 3 are taken, got 4"),
        ({"options": {"window": [1] * 4}}, "options: at most 3 are taken, got 4"),
        ({"options": dict.fromkeys("abcd")}, "options: at most 3 are taken, got 4"),
        ({"options": {"o" * 2000: 1}}, "options: at most 1000 characters are taken, got 2000"),
        (dict.fromkeys(map(str, range(200))), "expected at most 100 fields, got 200"),
    ],
)
def test_what_lies_deeper_is_counted_too(fields, message):
    with pytest.raises(Refusal, match=message):
        check_question(schemas.SegmentRequest, fields, LIMITS)


def test_an_outline_has_as_many_points_as_it_needs_and_photos_have_a_limit_of_their_own():
    fields = {"labels": ["dog"], "regions": [[[0.0, 0.0, 9.0, 0.0, 9.0, 9.0] * 10]]}
    assert check_question(schemas.SegmentRequest, fields, LIMITS).regions == fields["regions"]
    many = many_kind(schemas.TagRequest)
    assert len(check_question(many, {"labels": ["dog"], "images": ["x"] * 5}, LIMITS).images) == 5
    with pytest.raises(Refusal, match="images: at most 5 are taken, got 6"):
        check_question(many, {"labels": ["dog"], "images": ["x"] * 6}, LIMITS)


@pytest.mark.parametrize(
    ("kind", "name"),
    [(PredictRequest, "tasks"), *((WebhookRequest, one) for one in ("task", "annotation", "annotations"))],
)
def test_label_studio_is_counted_before_anything_is_asked_of_each(kind, name):
    body = json_text({"action": "x", name: [1] * (MOST_TASKS + 1)}).encode()
    with pytest.raises(Refusal, match=f"{name}: at most 100000 are taken at a time, got 100001"):
        read_body(kind, body, LIMITS)
