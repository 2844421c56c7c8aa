"""A value of a task by the name that a config gives it."""

from collections.abc import Mapping
from typing import Any


def task_value(data: Mapping[str, Any], key: str) -> Any:
    """The value behind a key; dots lead into objects, as in Label Studio; None where there is none."""
    if key in data:
        return data[key]
    value: Any = data
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value
