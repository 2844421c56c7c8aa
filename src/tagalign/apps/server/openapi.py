"""The parts of the OpenAPI page that FastAPI cannot derive: bodies that may be JSON or a form, and refusals."""

from http import HTTPStatus
from typing import Any

from pydantic import BaseModel

from tagalign.apps.server.inputs import FORM, JSON
from tagalign.apps.server.schemas import EXAMPLE_LABELS, ErrorResponse, ImageRequest

# one transparent pixel, so that the example of the page is a request that works
PIXEL_PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
REFUSALS = {
    HTTPStatus.BAD_REQUEST: "The form is damaged.",
    HTTPStatus.UNAUTHORIZED: "The server has a key and the request has not.",
    HTTPStatus.REQUEST_TIMEOUT: "The body did not arrive in time.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "Too many bytes, pixels or labels.",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "Neither JSON nor a form.",
    HTTPStatus.UNPROCESSABLE_ENTITY: "The request, or an option in it, cannot be understood or used.",
    HTTPStatus.TOO_MANY_REQUESTS: "One client has too many requests open.",
    HTTPStatus.SERVICE_UNAVAILABLE: "No room or no time; see Retry-After.",
    HTTPStatus.INSUFFICIENT_STORAGE: "The disk takes no more of what is to be kept.",
}


def refusals() -> dict[int | str, dict[str, Any]]:
    """What a route may answer instead of a success."""
    return {int(status): {"model": ErrorResponse, "description": text} for status, text in REFUSALS.items()}


def request_body(kind: type[BaseModel]) -> dict[str, Any]:
    """The body of a route: JSON, and for questions about an image a form with an upload too."""
    schema = kind.model_json_schema()
    content: dict[str, Any] = {JSON: {"schema": schema, "example": _example(kind)}}
    if issubclass(kind, ImageRequest):
        content[FORM] = {"schema": _form_schema(schema)}
    return {"requestBody": {"required": True, "content": content}}


def _example(kind: type[BaseModel]) -> dict[str, Any]:
    values: dict[str, Any] = {} if "query" in kind.model_fields else {"image_base64": PIXEL_PNG}
    for name, field in kind.model_fields.items():
        if (
            field.is_required() or name == "query"
        ):  # a search goes by words or by an image; the example by words
            values[name] = (field.examples or [EXAMPLE_LABELS])[0]
    return values


def _form_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """The same fields with an upload in place of base64; a form has no null."""
    fields = {name: _without_null(field) for name, field in schema["properties"].items()}
    if "options" in fields:
        fields["options"] = {"type": "string", "description": "Lines of `name=value`; see the JSON body."}
    del fields["image_base64"], fields["image_url"]
    fields["image"] = {"type": "string", "format": "binary", "description": "The file."}
    return {
        "type": "object",
        "properties": fields,
        "required": [*schema.get("required", []), *([] if "query" in fields else ["image"])],
        "additionalProperties": False,
    }


def _without_null(field: dict[str, Any]) -> dict[str, Any]:
    if "anyOf" not in field:
        return field
    kinds = [choice for choice in field["anyOf"] if choice != {"type": "null"}]
    kind = kinds[0] if len(kinds) == 1 else {"anyOf": kinds}
    return {**kind, **({"description": field["description"]} if "description" in field else {})}
