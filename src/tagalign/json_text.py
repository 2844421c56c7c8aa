"""The one writer of JSON: what comes out is JSON, whatever numbers go in; and a reader of files that may be missing.

Python writes NaN and infinity as words that no other reader of JSON knows. An average over nothing, or the loss of a
training that ran away, is ``null`` here; an encoder that yields NaN is refused long before (``backbones.finite``).
"""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any


def json_text(
    value: Any,
    *,
    indent: int | None = None,
    ensure_ascii: bool = True,
    sort_keys: bool = False,
    separators: tuple[str, str] | None = None,
    default: Callable[[Any], Any] | None = None,
) -> str:
    """A value as JSON; numbers that are not finite become ``null``.

    Args:
        value: dictionaries, lists, texts, numbers, None.
        indent: blanks a level; all on one line when None.
        ensure_ascii: letters beyond ASCII as escapes.
        sort_keys: keys of dictionaries in order.
        separators: between items, and between key and value.
        default: makes something writable of other objects.

    >>> json_text({"miou": 0.5, "of nothing": float("nan"), "loss": [float("inf")]})
    '{"miou": 0.5, "of nothing": null, "loss": [null]}'
    """
    encoder = json.JSONEncoder(
        allow_nan=False,
        indent=indent,
        ensure_ascii=ensure_ascii,
        sort_keys=sort_keys,
        separators=separators,
        default=default,
    )
    try:
        return encoder.encode(value)
    except ValueError:
        if (finite := _finite(value, default)) == value:  # another fault, such as a circle
            raise
        return encoder.encode(finite)


def object_or_nothing(path: Path) -> dict[str, Any]:
    """The JSON object of a file that tells of results beside it; empty where it is missing, damaged or no object."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}


def _finite(value: Any, default: Callable[[Any], Any] | None) -> Any:
    """The value with None for numbers that are not finite, also inside of what ``default`` makes of objects."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item, default) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item, default) for item in value]
    if default is None or value is None or isinstance(value, str | int):
        return value
    return _finite(default(value), default)
