"""The paths that Label Studio asks: is it there, what is it, what is in these photos, and what people made of that."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from pydantic import BaseModel

from tagalign.apps.server.engine import Engine
from tagalign.apps.server.inputs import JSON
from tagalign.apps.server.label_studio.asking import TaskPhotos, check_config, predictions
from tagalign.apps.server.label_studio.learner import Learner
from tagalign.apps.server.label_studio.requests import (
    PredictRequest,
    SetupRequest,
    WebhookRequest,
    read_body,
)
from tagalign.apps.server.openapi import refusals
from tagalign.apps.server.refusals import invalid
from tagalign.errors import TagalignError
from tagalign.integrations.label_studio.config import LabellingConfig, read_config
from tagalign.integrations.label_studio.learned import list_key
from tagalign.integrations.label_studio.places import photo_of
from tagalign.integrations.label_studio.predicting import Predictor
from tagalign.integrations.label_studio.submitted import click_of, source_of
from tagalign.integrations.label_studio.words import ConfigWords, LabelObject
from tagalign.json_text import json_text
from tagalign.tasks.review.clicks import Click

PREFIX = "/label-studio"
Handler = Callable[[Request], Awaitable[dict[str, Any]]]
SUBMITTED = ("ANNOTATION_CREATED", "ANNOTATIONS_CREATED", "ANNOTATION_UPDATED")
DELETED = "ANNOTATIONS_DELETED"
TRAINING = "START_TRAINING"


@dataclass(frozen=True, kw_only=True)
class LabelStudioSettings:
    """What the owner of the server decides.

    Attributes:
        folders: photos of tasks may lie in these and nowhere else.
        out: where annotations are kept; None: they are not, and nothing is learned.
        words: the saved mapping of labels.
    """

    folders: tuple[Path, ...] = ()
    out: Path | None = None
    words: ConfigWords = field(default_factory=ConfigWords)


class LabelStudioRoutes:
    """Handlers of the paths.

    Attributes:
        learner: of thresholds; None where annotations are not kept.
    """

    def __init__(self, engine: Engine, settings: LabelStudioSettings) -> None:
        self._engine = engine
        self._settings = settings
        self._photos = TaskPhotos(engine=engine, folders=settings.folders)
        self._mark = _mark(engine.model.describe())
        self.learner = (
            None
            if settings.out is None
            else Learner(settings.out, self._photos, engine.model, engine.labels, self._mark)
        )
        self._predictor = Predictor(model=engine.model, encode_labels=engine.labels, words=settings.words)
        if self.learner is not None:
            self._predictor = Predictor(
                model=engine.model,
                encode_labels=engine.labels,
                words=settings.words,
                learned=self.learner.thresholds,
            )

    async def start(self) -> None:
        """Read what was kept before; in the event loop that answers."""
        if self.learner is not None:
            await self.learner.start()

    async def close(self) -> None:
        """Stop learning."""
        if self.learner is not None:
            await self.learner.close()

    def model_version(self) -> str:
        """What predictions are called; another one when the model, its options or what was learned changes."""
        learned = "" if self.learner is None else json_text(self.learner.learned.by_list)
        return f"tagalign-{_mark({'model': self._mark, 'learned': learned})}"

    async def setup(self, request: Request) -> dict[str, Any]:
        """A project begins to ask. One without a config is taken too: projects are connected before they have one."""
        found = read_body(SetupRequest, await request.body(), self._engine.limits)
        if found.labelling_config.strip():
            config = read_config(found.labelling_config)
            if config.controls:
                check_config(config, self._engine)
        return {"model_version": self.model_version()}

    async def predict(self, request: Request) -> dict[str, Any]:
        """Predictions for tasks."""
        asked = read_body(PredictRequest, await request.body(), self._engine.limits)
        version = self.model_version()
        found = await predictions(asked, self._photos, self._predictor, version)
        return {"results": found, "model_version": version}

    async def webhook(self, request: Request) -> dict[str, Any]:
        """Something happened in a project: annotations become clicks, and thresholds follow."""
        event = read_body(WebhookRequest, await request.body(), self._engine.limits)
        if self.learner is None:
            return {
                "status": "ignored",
                "reason": "start the server with --label-studio-out to learn from annotations",
            }
        if event.action == TRAINING:
            config = read_config(event.project.label_config)
            await self.learner.learn(self._lists(config))
            return {"status": "learned", "model_version": self.model_version()}
        if event.action in SUBMITTED:
            config = read_config(event.project.label_config)
            told = [
                (annotation, task, config.for_task(task.data))  # which may bring labels of its own
                for annotation, task in event.pairs()
            ]
            clicks = [click for one in told for click in self._clicks(*one)]
            lists = {list_key(some): some for _, _, own in told for some in self._lists(own)}
            await self.learner.submitted(clicks, list(lists.values()))
            return {"status": "kept", "photos": len(clicks)}
        if event.action == DELETED:
            deleted = [*event.annotations, *(one for one, _ in event.pairs() if one)]
            photos = [await self.learner.deleted(source_of(one.get("id"))) for one in deleted]
            return {"status": "taken back", "photos": sum(photos)}
        return {"status": "ignored", "reason": "nothing is learned from this"}

    def _clicks(self, annotation: dict[str, Any], task: Any, config: LabellingConfig) -> Sequence[Click]:
        """An annotation as one click per photo of its task."""
        found, problem = [], None
        for image, key in config.images.items():
            if not config.of_image(image):
                continue
            try:
                photo = photo_of(task.data, key, self._settings.folders)
                found.append(click_of(annotation, photo, image, config, self._settings.words))
            except TagalignError as error:
                problem = problem or error
        if not found:
            raise problem or invalid("the project's config asks for nothing that is learned from")
        return found

    def _lists(self, config: LabellingConfig) -> list[Sequence[LabelObject]]:
        return [self._settings.words.asked(control.labels).entries for control in config.controls]


def _mark(values: dict[str, Any]) -> str:
    text = json_text(values, sort_keys=True, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def add_label_studio(app: FastAPI, engine: Engine, settings: LabelStudioSettings) -> LabelStudioRoutes:
    """Add the paths below ``/label-studio`` to a server.

    Args:
        app: of the server.
        engine: that answers.
        settings: of its owner.
    """
    handlers = LabelStudioRoutes(engine, settings)

    @app.get(f"{PREFIX}/health", summary="Label Studio asks whether the server is there.")
    @app.get(f"{PREFIX}/", include_in_schema=False)
    async def health() -> dict[str, str]:
        return {"status": "UP", "model_class": "tagalign"}

    @app.get(f"{PREFIX}/versions", summary="Label Studio asks for the version of the model.")
    async def versions() -> dict[str, Any]:
        return {"versions": [handlers.model_version()]}

    _add_post(app, "setup", SetupRequest, handlers.setup)
    _add_post(app, "predict", PredictRequest, handlers.predict)
    _add_post(app, "webhook", WebhookRequest, handlers.webhook, status=201)
    return handlers


def _add_post(app: FastAPI, name: str, kind: type[BaseModel], handler: Handler, *, status: int = 200) -> None:
    schema = {"requestBody": {"required": True, "content": {JSON: {"schema": kind.model_json_schema()}}}}
    app.add_api_route(
        f"{PREFIX}/{name}",
        _answering(handler, status),
        methods=["POST"],
        summary=kind.__doc__,
        operation_id=f"label-studio-{name}",
        response_model=None,
        status_code=status,
        responses=refusals(),
        openapi_extra=schema,
    )


def _answering(handler: Handler, status: int) -> Callable[..., Any]:
    async def answer(request: Request) -> Response:
        found = await handler(request)
        # in a thread: masks of many photos are long, and the event loop must not wait
        return Response(await asyncio.to_thread(json_text, found), status_code=status, media_type=JSON)

    return answer
