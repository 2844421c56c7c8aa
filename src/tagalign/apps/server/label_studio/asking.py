"""Predictions for the tasks of one request: their photos found, answered together, each error in its own place."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from tagalign.apps.server.batching import AnswerOne
from tagalign.apps.server.engine import Engine, Load
from tagalign.apps.server.inputs import data_bytes
from tagalign.apps.server.label_studio.requests import (
    LabelStudioTask,
    PredictRequest,
    checked_phrases,
    typed_phrases,
)
from tagalign.apps.server.refusals import invalid, passes, too_large
from tagalign.data.annotations.photo_names import is_inline
from tagalign.errors import InputError, TagalignError
from tagalign.integrations.label_studio.config import KINDS, LabellingConfig, read_config
from tagalign.integrations.label_studio.places import LocalPhoto, WebPhoto, photo_of
from tagalign.integrations.label_studio.predicting import Predictor, TaskQuestion
from tagalign.integrations.label_studio.results import ControlResult, mean_score
from tagalign.integrations.label_studio.task_values import task_value
from tagalign.tasks.photos.keys import printable

LOG = logging.getLogger("tagalign.server")
PATIENCE_S = 90.0
"""For all tasks of a request: Label Studio waits 100 s (its ``ML_TIMEOUT_PREDICT``), then what was answered is lost."""


@dataclass(frozen=True, kw_only=True)
class TaskPhotos:
    """Where photos of tasks may lie.

    Attributes:
        engine: whose limits and fetcher hold.
        folders: that the owner of the server named.
    """

    engine: Engine
    folders: tuple[Path, ...]

    def load(self, photo: LocalPhoto | WebPhoto) -> Load:
        """What gives the bytes of a photo; to be called in a thread.

        Raises:
            Refusal: 422 for an address where the server fetches nothing.
        """
        limits, fetch = self.engine.limits, self.engine.fetch
        if isinstance(photo, LocalPhoto):
            return lambda: photo.read(limits.max_bytes)
        if fetch is None:
            raise invalid("this server fetches nothing; start it with --allow-host NAME, or name the folder")
        return lambda: fetch(photo.address)

    def find(self, task: LabelStudioTask, key: str) -> Load:
        """What gives the photo of a task.

        Raises:
            TagalignError: if there is none.
        """
        value = task_value(task.data, key)
        if isinstance(value, str) and is_inline(value):
            return lambda: data_bytes(value)
        return self.load(photo_of(task.data, key, self.folders))


async def predictions(
    request: PredictRequest, photos: TaskPhotos, predictor: Predictor, model_version: str
) -> list[dict[str, Any]]:
    """A prediction per task, in order; its error alone for one that cannot be answered, or whose turn did not come in time.

    Label Studio keeps no prediction without a result, writes the error into its log, and sends the task again when
    predictions are retrieved again, without those that were answered. An empty result would count as an answer.

    Raises:
        InputError: for a config that asks for nothing we know, or whose error every task shares.
        Refusal: 413 for too many labels, 503 when there is no room or no time.
    """
    config = read_config(request.label_config)
    check_config(config, photos.engine)
    jobs = _jobs(request, config, photos, predictor)
    asked = [job.asked for job in jobs if job.asked is not None]
    loads, answers_to = [load for load, _ in asked], [answer for _, answer in asked]
    within_s = max(PATIENCE_S, photos.engine.limits.timeout_s)
    found = await photos.engine.ask_together(loads, answers_to, within_s=within_s)
    answers = iter(found)
    results: list[list[ControlResult]] = [[] for _ in request.tasks]
    errors: dict[int, TagalignError] = {}
    for job in jobs:
        answer = job.error if job.asked is None else next(answers)
        if isinstance(answer, TagalignError):
            errors.setdefault(job.task, answer)
        elif answer is not None:
            results[job.task] += answer
    for task, error in errors.items():
        if not passes(error):
            LOG.warning("label-studio: task %d of %d: %s", task + 1, len(results), printable(str(error)))
    if late := sum(map(passes, errors.values())):
        message = "label-studio: no time for %d of %d tasks; retrieve predictions again and they come next"
        LOG.warning(message, late, len(results))
    if errors and len(errors) == len(request.tasks):
        raise errors[0]
    return [_prediction(some, model_version, errors.get(i)) for i, some in enumerate(results)]


def check_config(config: LabellingConfig, engine: Engine) -> None:
    """Refuse what cannot be answered.

    Raises:
        InputError: for a config without a tag that we answer.
        Refusal: 413 for too many labels, or one that is too long.
    """
    limits = engine.limits
    if not config.controls and config.lists:
        raise InputError(
            f"labelling config: {printable(config.lists[0])}: several photos of one task (valueList) are not answered; make "
            'a task of each photo, with value="$image"'
        )
    if not config.controls:
        tags = "Choices, BrushLabels, PolygonLabels, RectangleLabels, Brush, Polygon, Rectangle"
        raise InputError(f"labelling config: expected an Image and one of {tags} for it, found none")
    for control in config.controls:
        if len(control.labels) > limits.max_labels:
            raise too_large(
                f"{printable(control.name)}: at most {limits.max_labels} labels are taken, got {len(control.labels)}"
            )
        words = (word for label in control.labels for word in (label.shown, *label.synonyms))
        if any(len(word) > limits.max_text for word in words):
            raise too_large(
                f"{printable(control.name)}: labels of at most {limits.max_text} characters are taken"
            )


@dataclass(frozen=True, kw_only=True)
class _Job:
    """One photo of one task: what gives it and what is asked, or why it cannot be."""

    task: int
    asked: tuple[Load, AnswerOne] | None = None
    error: TagalignError | None = None


def _jobs(
    request: PredictRequest, config: LabellingConfig, photos: TaskPhotos, predictor: Predictor
) -> list[_Job]:
    typed = typed_phrases(request.context, photos.engine.limits)
    chosen = _chosen(request.context)
    jobs = []
    for number, task in enumerate(request.tasks):
        try:
            own = _for_task(config, task, photos.engine)
        except TagalignError as error:
            jobs.append(_Job(task=number, error=error))
            continue
        for image, key in config.images.items():
            controls = own.of_image(image)
            if not controls:
                continue
            try:
                shown = [str(task_value(task.data, one.field) or "") for one in controls if one.field]
                phrases = typed or checked_phrases(shown, photos.engine.limits)
                question = TaskQuestion(
                    controls=controls, phrases=phrases, with_labels=not typed, only=chosen
                )
                jobs.append(_Job(task=number, asked=(photos.find(task, key), _answer(predictor, question))))
            except TagalignError as error:
                jobs.append(_Job(task=number, error=error))
    return jobs


def _for_task(config: LabellingConfig, task: LabelStudioTask, engine: Engine) -> LabellingConfig:
    """The config with the labels of the task, which are checked as those of the config are."""
    own = config.for_task(task.data)
    if own is not config:
        check_config(own, engine)
    return own


def _chosen(context: Sequence[Mapping[str, Any]]) -> frozenset[tuple[str, str]]:
    """Controls and labels that a person has in hand."""
    return frozenset(
        (str(one.get("from_name")), label)
        for one in context
        if one.get("type") in KINDS and isinstance(one.get("value"), Mapping)
        for label in _held(one["value"].get(one["type"]))
    )


def _held(value: Any) -> list[str]:
    return [label for label in value if isinstance(label, str)] if isinstance(value, list) else []


def _answer(predictor: Predictor, question: TaskQuestion) -> AnswerOne:
    def answer(encoded: Any, image: Image.Image) -> list[ControlResult]:
        return predictor.results(encoded, image, question)

    return answer


def _prediction(
    results: list[ControlResult], model_version: str, error: TagalignError | None
) -> dict[str, Any]:
    if error is not None:
        return {"model_version": model_version, "error": printable(str(error))}
    return {"model_version": model_version, "score": mean_score(results), "result": results}
