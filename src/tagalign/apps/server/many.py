"""Routes that take many photos with one question: the answers come line by line, as they are done."""

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field, create_model

from tagalign.apps.server.engine import Engine
from tagalign.apps.server.inputs import (
    FORM,
    JSON,
    Source,
    image_bytes,
    read_upload,
)
from tagalign.apps.server.openapi import PIXEL_PNG, refusals, request_body
from tagalign.apps.server.questions import check_question
from tagalign.apps.server.refusals import invalid, too_large
from tagalign.apps.server.schemas import ImageRequest
from tagalign.apps.server.streaming import NDJSON, answer_lines

MANY = "/many"
"""End of the paths: ``/v1/tag/many``."""

PutQuestion = Callable[[Any], Awaitable[Callable[[Source], Awaitable[str]]]]
"""From a question to what answers it for the source of one photo, as JSON."""


def many_kind(kind: type[ImageRequest]) -> type[ImageRequest]:
    """The same question with a list of photos."""
    images: Any = (
        list[str],
        Field(
            default_factory=list,
            description="Photos: each a file in base64 or, where the server allows it, an address.",
            examples=[[PIXEL_PNG]],
        ),
    )
    made: type[ImageRequest] = create_model(
        f"Many{kind.__name__}", __base__=kind, __doc__=f"{kind.__doc__} Many images.", images=images
    )
    return made


def add_many(app: FastAPI, engine: Engine, path: str, kind: type[ImageRequest], put: PutQuestion) -> None:
    """A route for many photos beside that for one.

    Args:
        app: gets the route.
        engine: answers; its limits hold for all photos together in bytes, for each in pixels.
        path: of the route for one.
        kind: of its question.
        put: see ``PutQuestion``.
    """
    many = many_kind(kind)

    async def answer(request: Request) -> Response:
        upload = await read_upload(request, most_files=engine.limits.max_images)
        question = check_question(many, upload.fields, engine.limits)
        sources = _sources(question, upload.files, engine)
        ask = await put(question)
        lines = answer_lines(
            sources, lambda source: _answered(source, ask), ahead=2 * engine.limits.max_batch
        )
        return StreamingResponse(lines, media_type=NDJSON)

    line: dict[str, Any] = {"schema": {"type": "string"}}
    app.add_api_route(
        path + MANY,
        answer,
        methods=["POST"],
        summary=f"{kind.__doc__} Many images.",
        operation_id=f"{path.removeprefix('/v1/')}_many",
        response_model=None,
        responses={
            200: {
                "content": {NDJSON: line},
                "description": 'Lines of JSON in the order of the images: {"image": 0, ...}, with the answer or an "error".',
            },
            **refusals(),
        },
        openapi_extra=_body(many),
    )


def _body(many: type[BaseModel]) -> dict[str, Any]:
    """As for one photo; the form repeats its upload."""
    body = request_body(many)
    content = body["requestBody"]["content"]
    content[JSON]["example"] = {"images": [PIXEL_PNG], **_without_image(content[JSON]["example"])}
    form = content[FORM]["schema"]
    form["properties"].pop("images")
    form["properties"]["image"] = {"type": "array", "items": {"type": "string", "format": "binary"}}
    return body


def _without_image(example: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in example.items() if name != "image_base64"}


async def _answered(source: Callable[[], Source], ask: Callable[[Source], Awaitable[str]]) -> str:
    return await ask(source())


def _sources(question: Any, files: tuple[bytes, ...], engine: Engine) -> list[Callable[[], Source]]:
    """What gives each photo; one that is no base64 is an error of its own line."""
    if question.image_base64 is not None or question.image_url is not None:
        raise invalid(
            "expected photos in 'images', got 'image_base64' or 'image_url'; ask for one photo elsewhere"
        )
    if bool(files) == bool(question.images):
        raise invalid("expected photos in 'images', or uploads 'image', and not both")
    if len(question.images) > engine.limits.max_images:
        raise too_large(f"images: at most {engine.limits.max_images} are taken, got {len(question.images)}")

    def of_file(data: bytes) -> Callable[[], Source]:
        return lambda: data

    def of_text(text: str) -> Callable[[], Source]:
        name = "image_url" if text[:5].lower() in {"http:", "https", "data:"} else "image_base64"
        one = ImageRequest.model_validate({name: text})
        return lambda: image_bytes(one, None, engine.fetch)

    return [*map(of_file, files), *map(of_text, question.images)]
