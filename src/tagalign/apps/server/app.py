"""The application: one route per task, its page of documentation, and how it starts and stops."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from PIL import Image
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from tagalign import __version__
from tagalign.apps.server import answers
from tagalign.apps.server import schemas as s
from tagalign.apps.server.engine import Engine, Searcher
from tagalign.apps.server.fetching import make_fetch
from tagalign.apps.server.gate import Gate
from tagalign.apps.server.inputs import JSON, Source, image_bytes, read_upload, search_source
from tagalign.apps.server.label_studio.routes import LabelStudioRoutes, LabelStudioSettings, add_label_studio
from tagalign.apps.server.limits import Limits
from tagalign.apps.server.many import add_many
from tagalign.apps.server.mask_store import FOREVER, MASKS, MaskStore, is_held
from tagalign.apps.server.metrics import Metrics
from tagalign.apps.server.openapi import refusals, request_body
from tagalign.apps.server.questions import check_question
from tagalign.apps.server.refusals import Refusal, body_of, invalid, status_of
from tagalign.apps.variants.rules import asked_options
from tagalign.apps.variants.variants import Variant
from tagalign.errors import InputError, TagalignError
from tagalign.json_text import json_text
from tagalign.option_fields import Verb
from tagalign.tasks.model import Model
from tagalign.tasks.regions.coco import CocoPhoto, regions_of_photo
from tagalign.tasks.regions.options import MIN_AREA
from tagalign.tasks.regions.voting import part_instances

Ask = Callable[[Variant, Any, Image.Image, Any], s.ImageResponse]
"""From the model under the request's options, an encoded image, its pixels and the question to the answer.

Runs in one of the model's threads.
"""


def create_app(
    model: Model,
    *,
    limits: Limits | None = None,
    api_key: str | None = None,
    allowed_hosts: Collection[str] = (),
    private_hosts: Collection[str] = (),
    search: Searcher | None = None,
    label_studio: LabelStudioSettings | None = None,
    mask_folder: Path | None = None,
) -> FastAPI:
    """An ASGI application that answers for one model.

    Args:
        model: from ``tagalign.load``.
        limits: defaults where None.
        api_key: asked for on every path but ``/health``; None lets everyone in.
        allowed_hosts: hosts that images may be fetched from; none by default.
        private_hosts: likewise, and they may lie in a private network.
        search: answers from an index; None where there is none.
        label_studio: folders of its photos and of what people submit; without them its tasks bring or address their photos.
        mask_folder: keeps masks that are asked for by address; one for the time of the process where None.
    """
    limits, metrics = limits or Limits(), Metrics()
    is_fetching = allowed_hosts or private_hosts
    fetch = make_fetch(allowed_hosts, limits.max_bytes, private_hosts=private_hosts) if is_fetching else None
    engine = Engine(model, limits=limits, metrics=metrics, fetch=fetch, search=search)
    app = FastAPI(
        title="tagalign",
        version=__version__,
        description="Tags, masks, regions, captions, answers and search for images.",
        lifespan=_lifespan(engine),
    )
    app.state.label_studio = add_label_studio(app, engine, label_studio or LabelStudioSettings())
    masks = MaskStore(mask_folder, max_bytes=limits.max_mask_bytes)
    for path in ROUTES:
        _add_image_route(app, engine, masks, path)
    _add_masks(app, masks)
    _add_search(app, engine)
    _add_state(app, engine, metrics)
    _take_head(app)
    app.add_exception_handler(TagalignError, _answer_error)
    app.add_exception_handler(HTTPException, _answer_http_error)
    paths = [str(route.path) for route in app.routes if hasattr(route, "path")]
    app.add_middleware(Gate, limits=limits, metrics=metrics, paths=paths, api_key=api_key)
    return app


def _lifespan(engine: Engine) -> Any:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        label_studio: LabelStudioRoutes = app.state.label_studio
        await engine.start()
        await label_studio.start()
        yield
        await label_studio.close()
        await engine.close()

    return lifespan


# --- questions about an image ---------------------------------------------------------------------------------------


def _tag(variant: Variant, encoded: Any, image: Image.Image, question: s.TagRequest) -> s.ImageResponse:
    return answers.tag_response(
        variant.model.tag(encoded, variant.labels(s.label_entries(question.labels))), question.top
    )


def _segment(
    variant: Variant, encoded: Any, image: Image.Image, question: s.SegmentRequest
) -> s.ImageResponse:
    sent = None
    if question.regions is not None:
        photo = CocoPhoto(annotations=list(question.regions))
        sent = regions_of_photo(photo, (image.height, image.width), "regions")
    found = variant.model.segment(
        encoded, variant.labels(s.label_entries(question.labels)), photo=image, regions=sent
    )
    objects = None
    if question.instances:
        if sent is not None:
            raise InputError(
                "instances: with regions every region is one already (masks rle or polygons lists them); leave it out"
            )
        least = MIN_AREA if question.min_area is None else question.min_area
        objects = part_instances(found, min_area=least).instances
    return answers.segment_response(found, question.masks, question.min_area or 0, objects)


def _refer(variant: Variant, encoded: Any, image: Image.Image, question: s.ReferRequest) -> s.ImageResponse:
    return answers.refer_response(variant.model.refer(encoded, question.phrase), question.masks)


def _caption(
    variant: Variant, encoded: Any, image: Image.Image, question: s.CaptionRequest
) -> s.ImageResponse:
    return answers.caption_response(variant.model.caption(encoded, tags=question.tags, both=question.both))


def _ask(variant: Variant, encoded: Any, image: Image.Image, question: s.AskRequest) -> s.ImageResponse:
    return s.AskResponse(answer=variant.model.answer(encoded, question.question, use_tags=question.use_tags))


ROUTES: dict[str, tuple[Verb, type[s.ImageRequest], type[BaseModel], Ask]] = {
    "/v1/tag": ("tag", s.TagRequest, s.TagResponse, _tag),
    "/v1/segment": ("segment", s.SegmentRequest, s.SegmentResponse, _segment),
    "/v1/refer": ("refer", s.ReferRequest, s.ReferResponse, _refer),
    "/v1/caption": ("caption", s.CaptionRequest, s.CaptionResponse, _caption),
    "/v1/ask": ("ask", s.AskRequest, s.AskResponse, _ask),
}
"""Path to verb, question, response and what answers."""


def _add_image_route(app: FastAPI, engine: Engine, masks: MaskStore, path: str) -> None:
    verb, kind, response, ask = ROUTES[path]

    async def put(question: Any) -> Callable[[Source], Awaitable[str]]:
        threshold = question.threshold if isinstance(question, s.ThresholdRequest) else None
        variant = await engine.variant(verb, asked_options(verb, question.options, threshold))
        asks_labels = isinstance(question, s.TagRequest | s.SegmentRequest)
        entries = s.label_entries(question.labels) if asks_labels else None

        # written as JSON in the model's thread: polygons of a large photo are long, and the event loop must not wait
        def written(encoded: Any, image: Image.Image) -> str:
            found = ask(variant, encoded, image, question)
            by_address = isinstance(question, s.SegmentRequest | s.ReferRequest) and question.masks == "url"
            return _written(variant, answers.with_address(found, masks.put) if by_address else found)

        async def answer_one(source: Source) -> str:
            text: str = await engine.ask(source, written, variant, verb=verb, entries=entries)
            return text

        return answer_one

    async def answer(request: Request) -> Response:
        upload = await read_upload(request)
        question = check_question(kind, upload.fields, engine.limits)
        source = image_bytes(question, upload.file, engine.fetch)
        return Response(await (await put(question))(source), media_type=JSON)

    _add_post(app, path, answer, kind, response)
    add_many(app, engine, path, kind, put)


def _written(variant: Variant, found: s.ImageResponse) -> str:
    """An answer as JSON, with the options that acted where the request gave any."""
    if variant.acted is None:
        return found.model_dump_json(exclude={"options"})
    return found.model_copy(update={"options": dict(variant.acted)}).model_dump_json()


def _add_post(
    app: FastAPI, path: str, answer: Callable[..., Any], kind: type[BaseModel], response: type[BaseModel]
) -> None:
    app.add_api_route(
        path,
        answer,
        methods=["POST"],
        summary=kind.__doc__,
        operation_id=path.removeprefix("/v1/"),
        response_model=None,
        responses={200: {"model": response, "description": response.__doc__ or ""}, **refusals()},
        openapi_extra=request_body(kind),
    )


def _add_search(app: FastAPI, engine: Engine) -> None:
    async def answer(request: Request) -> Response:
        upload = await read_upload(request)
        question = check_question(s.SearchRequest, upload.fields, engine.limits)
        if question.options:
            raise invalid(
                "options: those of a search were settled when the index was made; it takes top, tag_weight and rerank"
            )
        source = search_source(question, upload.file, engine.fetch)
        found = await engine.search(question, source)
        return Response(answers.search_response(found).model_dump_json(), media_type=JSON)

    _add_post(app, "/v1/search", answer, s.SearchRequest, s.SearchResponse)


def _add_masks(app: FastAPI, masks: MaskStore) -> None:
    async def answer(name: str, request: Request) -> Response:
        found = await asyncio.to_thread(masks.get, name)
        if found is None:
            raise Refusal(
                HTTPStatus.NOT_FOUND, "no mask has this address, or none has it any more; ask for it again"
            )
        headers = {"ETag": f'"{name}"', "Cache-Control": f"private, {FOREVER}"}
        if is_held(request.headers.get("if-none-match"), name):
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        return Response(found, media_type="image/png", headers=headers)

    app.add_api_route(
        MASKS + "{name}.png",
        answer,
        methods=["GET"],
        summary="A mask by its content, for ever the same.",
        operation_id="mask",
        response_model=None,
        response_class=Response,
        responses={
            200: {"content": {"image/png": {}}, "description": "A palette image."},
            304: {"description": "The client has it: its If-None-Match names it."},
            404: {"model": s.ErrorResponse, "description": "No such mask."},
            **refusals(),
        },
    )


# --- state and errors -----------------------------------------------------------------------------------------------


def _add_state(app: FastAPI, engine: Engine, metrics: Metrics) -> None:
    # as settings.json has it: what is no JSON, such as a path, is written as text wherever it stands
    described = json.loads(json_text(engine.model.describe(), default=str))

    @app.get("/health", summary="Does the server take requests, and for which model?")
    async def health() -> s.HealthResponse:
        return s.HealthResponse(status="ok", model=described)

    @app.get("/metrics", summary="Counters for Prometheus.", response_class=Response)
    async def page() -> Response:
        return Response(metrics.page(), media_type="text/plain; version=0.0.4; charset=utf-8")


def _take_head(app: FastAPI) -> None:
    """HEAD wherever there is GET, as HTTP asks and load balancers do: the same without its body, which h11 leaves out."""
    for route in [one for one in app.routes if isinstance(one, APIRoute) and "GET" in (one.methods or ())]:
        app.add_api_route(
            route.path, route.endpoint, methods=["HEAD"], include_in_schema=False, response_model=None
        )


async def _answer_error(_: Request, error: Exception) -> Response:
    if not isinstance(error, TagalignError):
        raise error
    headers = {}
    if isinstance(error, Refusal) and error.retry_after_s is not None:
        headers["Retry-After"] = str(error.retry_after_s)
    # surrogates of a client's text cannot be sent back
    body = body_of(type(error).__name__, str(error).encode(errors="replace").decode())
    return JSONResponse(body, status_code=int(status_of(error)), headers=headers)


async def _answer_http_error(_: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    detail = str(error.detail)
    if error.status_code == HTTPStatus.NOT_FOUND and detail == HTTPStatus.NOT_FOUND.phrase:
        detail += "; /docs lists the addresses of this server, such as /v1/tag"
    body = body_of("HTTPError", detail)
    return JSONResponse(body, status_code=error.status_code, headers=error.headers)
