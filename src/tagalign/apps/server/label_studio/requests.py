"""What Label Studio sends, checked: fields that are used have their type, all others are passed over."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, Field, ValidationError, field_validator

from tagalign.apps.server.inputs import json_object
from tagalign.apps.server.limits import Limits
from tagalign.apps.server.questions import first_problem
from tagalign.apps.server.refusals import invalid, too_large
from tagalign.apps.server.schemas import is_whole

MOST_TASKS = 100_000
"""Of one request: Label Studio sends all that a person chose; those answered in time are kept."""
MOST_PHRASES = 16
"""Of one task."""

Body = TypeVar("Body", bound=BaseModel)


class LabelStudioTask(BaseModel):
    """One task."""

    data: dict[str, Any] = Field(default_factory=dict)


class PredictRequest(BaseModel):
    """Tasks that want predictions.

    Attributes:
        tasks: in order.
        label_config: of their project.
        params: with ``context``: what a person just did, where somebody waits for the answer.
    """

    tasks: list[LabelStudioTask]
    label_config: str
    params: dict[str, Any] | None = None

    @field_validator("tasks", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return [value] if isinstance(value, Mapping) else value

    @property
    def context(self) -> list[Mapping[str, Any]]:
        """Results of what a person just did; none where nobody waits."""
        context = (self.params or {}).get("context")
        results = context.get("result") if isinstance(context, Mapping) else None
        return [one for one in results or [] if isinstance(one, Mapping)] if isinstance(results, list) else []


class SetupRequest(BaseModel):
    """A project that begins to ask; ``schema`` is its labelling config."""

    labelling_config: str = Field("", alias="schema")


class Project(BaseModel):
    """What a webhook says about its project."""

    label_config: str = ""


class WebhookRequest(BaseModel):
    """Something that happened in a project.

    Attributes:
        action: what it was.
        annotation: that was made, corrected or deleted; a list of several where Label Studio batches them.
        annotations: that were deleted.
        task: of the annotation; a list beside a list.
        project: likewise.
    """

    action: str
    annotation: dict[str, Any] | list[dict[str, Any]] | None = None
    annotations: list[dict[str, Any]] = Field(default_factory=list)
    task: LabelStudioTask | list[LabelStudioTask] | None = None
    project: Project = Field(default_factory=lambda: Project())

    def pairs(self) -> Iterator[tuple[dict[str, Any], LabelStudioTask]]:
        """Annotations, each with its task.

        Raises:
            Refusal: 422 where the numbers of annotations and tasks differ.
        """
        some = self.annotation if isinstance(self.annotation, list) else [self.annotation or {}]
        tasks = self.task if isinstance(self.task, list) else [self.task or LabelStudioTask()]
        if len(some) != len(tasks):
            raise invalid(f"expected a task for each annotation, got {len(some)} and {len(tasks)}")
        yield from zip(some, tasks, strict=True)


def read_body(kind: type[Body], body: bytes, limits: Limits) -> Body:
    """A body as one of the requests above.

    Raises:
        Refusal: 422 with the first field that is wrong, 413 for too many tasks.
    """
    fields = json_object(body)
    for name in ("tasks", "task", "annotation", "annotations"):
        # before the kinds: each of a million values of a wrong kind would be an error of its own, in gigabytes
        if isinstance(some := fields.get(name), list) and len(some) > MOST_TASKS:
            raise too_large(f"{name}: at most {MOST_TASKS} are taken at a time, got {len(some)}")
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        raise invalid(first_problem(error, fields)) from None


def typed_phrases(context: list[Mapping[str, Any]], limits: Limits) -> tuple[str, ...]:
    """What a person typed into texts that stand beside the photo.

    Raises:
        Refusal: 413 for a text that is too long, or too many.
    """
    found = [text for one in context if one.get("type") == "textarea" for text in _texts(one.get("value"))]
    return checked_phrases(found, limits)


def checked_phrases(texts: list[str], limits: Limits) -> tuple[str, ...]:
    """Phrases without empty and repeated ones.

    Raises:
        Refusal: 413 for one that is too long, or too many.
    """
    phrases = tuple(dict.fromkeys(text.strip() for text in texts if text.strip()))
    if len(phrases) > MOST_PHRASES:
        raise too_large(f"texts: at most {MOST_PHRASES} are looked for at a time, got {len(phrases)}")
    if not all(map(is_whole, phrases)):
        raise invalid("texts: expected text, got half of a surrogate pair")
    if any(len(phrase) > limits.max_text for phrase in phrases):
        raise too_large(f"texts: at most {limits.max_text} characters are taken")
    return phrases


def _texts(value: Any) -> Iterator[str]:
    texts = value.get("text") if isinstance(value, Mapping) else None
    for text in texts if isinstance(texts, list) else [texts]:
        if isinstance(text, str):
            yield text
