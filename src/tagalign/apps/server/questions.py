"""Fields of a request as a checked question; what is wrong with them in one line."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from tagalign.apps.server.limits import Limits
from tagalign.apps.server.refusals import invalid, too_large

Question = TypeVar("Question", bound=BaseModel)
MOST_FIELDS = 100
"""Of a request; no kind has so many."""


def check_question(kind: type[Question], fields: dict[str, Any], limits: Limits) -> Question:
    """The fields as a question of this kind.

    Raises:
        Refusal: 422 with the first field that is wrong, 413 for too many labels or too long a text.
    """
    if len(fields) > MOST_FIELDS:
        raise invalid(f"expected at most {MOST_FIELDS} fields, got {len(fields)}")
    # before the kinds: each of a million values of a wrong kind would be an error of its own, in gigabytes
    for name, value in fields.items():
        _check_length(name, value, limits)
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        raise invalid(first_problem(error, fields)) from None


def first_problem(error: ValidationError, fields: Mapping[str, Any]) -> str:
    """The first field that is wrong, and why, in one line.

    Args:
        error: of several kinds that a value may have; the kind that it has most of is spoken of.
        fields: that were checked.
    """
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    of_first = [one for one in problems if one["loc"][:2] == problems[0]["loc"][:2]]
    worst = max(of_first, key=lambda one: len(one["loc"]))
    lacking = worst["loc"][-1:] if worst["type"] == "missing" else ()
    place = ".".join(map(str, [*_own_names(worst["loc"], fields), *lacking])) or "body"
    return f"{place}: {worst['msg']}".encode(errors="replace").decode()


def _own_names(place: tuple[str | int, ...], value: Any) -> Iterator[str | int]:
    """The part of a place that the request itself has: between its names stand those of kinds that were tried."""
    for name in place:
        here: Any = (
            value if isinstance(value, Mapping) else range(len(value)) if isinstance(value, list) else ()
        )
        if name in here:
            value = value[name]
            yield name


def _check_length(name: str, value: Any, limits: Limits) -> None:
    if isinstance(value, str):
        if not name.startswith("image") and len(value) > limits.max_text:
            raise too_large(f"{name}: at most {limits.max_text} characters are taken, got {len(value)}")
    elif isinstance(value, list | dict):
        most = limits.max_images if name == "images" else limits.max_labels
        if len(value) > most:
            raise too_large(f"{name}: at most {most} are taken, got {len(value)}")
        if name != "regions":  # an outline has as many points as it needs
            for item in (*value, *value.values()) if isinstance(value, dict) else value:
                _check_length(name, item, limits)
