"""A nested training state (dicts, lists, tensors, numbers) as named tensors plus JSON, and back, without pickle."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

State = Any
"""``None``, bool, int, float, str, a tensor, or a dict, list or tuple of such."""


def split_state(state: State) -> tuple[dict[str, Tensor], Any]:
    """Tensors by path, and JSON values in which each tensor is replaced by its path.

    Floats survive JSON exactly. Keys that are no strings and tuples are marked, because JSON would change them.

    Raises:
        TypeError: for a value of another kind.
    """
    tensors: dict[str, Tensor] = {}
    return tensors, _split(state, "", tensors)


def _split(value: State, path: str, tensors: dict[str, Tensor]) -> Any:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Tensor):
        tensors[path] = value.detach().cpu().contiguous()
        return {"tensor": path}
    if isinstance(value, (list, tuple)):
        items = [_split(v, f"{path}.{i}", tensors) for i, v in enumerate(value)]
        return {"list": items} if isinstance(value, list) else {"tuple": items}
    if isinstance(value, Mapping):
        return {"dict": [[k, _split(v, f"{path}.{k}".lstrip("."), tensors)] for k, v in value.items()]}
    raise TypeError(f"{path}: cannot be stored: {type(value).__name__}")


def join_state(tensors: Mapping[str, Tensor], values: Any) -> State:
    """The inverse of ``split_state``.

    Raises:
        KeyError: if a tensor is missing.
    """
    if not isinstance(values, dict):
        return values
    ((kind, content),) = values.items()
    if kind == "tensor":
        return tensors[content]
    if kind == "dict":
        return {k: join_state(tensors, v) for k, v in content}
    items = [join_state(tensors, v) for v in content]
    return items if kind == "list" else tuple(items)
