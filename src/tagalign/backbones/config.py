"""``config.json`` of published encoders: parts with their defaults, and values that can be used as sizes."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tagalign.errors import ModelError

Values = dict[str, Any]


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file of a model folder.

    Raises:
        ModelError: if it is missing, damaged, or not an object.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelError(f"{path.parent}: not a model folder ({path.name} is missing)") from error
    except (ValueError, OSError) as error:
        raise ModelError(f"{path}: damaged ({error})") from error
    if not isinstance(values, dict):
        raise ModelError(f"{path}: expected a JSON object, got {type(values).__name__}")
    return values


def part_of(config: Mapping[str, Any], name: str, defaults: Mapping[str, Any]) -> Values:
    """``text_config`` or ``vision_config`` with the family's defaults.

    OpenAI's old configs carry a ``*_config_dict`` beside it. Where that is filled it is the complete description: what it
    leaves out has its default, whatever ``*_config`` says (transformers reads it so).

    Raises:
        ModelError: if it is no JSON object.
    """
    given, old = config.get(name) or {}, config.get(f"{name}_dict")
    for label, values in ((name, given), (f"{name}_dict", old)):
        if values is not None and not isinstance(values, Mapping):
            raise ModelError(f"config.json: {label}: expected an object, got {type(values).__name__}")
    whole = {**defaults, **given}
    if old is not None:
        whole |= {**defaults, **old}
    return {
        key: defaults[key] if value is None and key in defaults else value for key, value in whole.items()
    }


def size(values: Mapping[str, Any], key: str) -> int:
    """A positive whole number; of a pair of equal ones (``image_size``) the one.

    Raises:
        ModelError: for anything else.
    """
    value = values.get(key)
    if isinstance(value, (list, tuple)) and len(set(value)) == 1:
        value = value[0]
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        raise ModelError(f"config.json: {key}: expected a positive whole number, got {value!r}")
    return value


def number(values: Mapping[str, Any], key: str) -> float:
    """A positive number.

    Raises:
        ModelError: for anything else.
    """
    value = values.get(key)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
        raise ModelError(f"config.json: {key}: expected a positive number, got {value!r}")
    return float(value)


def heads_of(values: Mapping[str, Any]) -> int:
    """``num_attention_heads``, which must divide the width.

    Raises:
        ModelError: if it does not.
    """
    heads, width = size(values, "num_attention_heads"), size(values, "hidden_size")
    if width % heads:
        raise ModelError(
            f"config.json: hidden_size {width} is not a multiple of num_attention_heads {heads}; one of them is wrong"
        )
    return heads


def patches_fit(image_size: int, patch_size: int) -> None:
    """Refuse an input smaller than a patch.

    Raises:
        ModelError: naming both sizes.
    """
    if image_size < patch_size:
        raise ModelError(f"config.json: image_size {image_size} is smaller than patch_size {patch_size}")


def choice(values: Mapping[str, Any], key: str, known: Mapping[str, Any]) -> str:
    """One of a table's names.

    Raises:
        ModelError: for another.
    """
    value = values.get(key)
    if value not in known:
        raise ModelError(f"config.json: {key}: expected one of {', '.join(known)}, got {value!r}")
    return str(value)
