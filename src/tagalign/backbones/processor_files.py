"""How a folder says that pixels become numbers, in all the forms that occur on the hub."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

from tagalign.backbones.preprocess import RGB, Preprocessing, Resample
from tagalign.errors import ModelError

FILES = ("preprocessor_config.json", "processor_config.json")


def read_preprocessing(
    folder: Path, *, default: Preprocessing, said: Mapping[str, Any] | None = None
) -> Preprocessing:
    """Mean, standard deviation, squashing and its filter of a folder; what it does not say is the family's.

    ``preprocessor_config.json`` is flat. Folders saved by transformers 5 have ``processor_config.json`` alone, with the
    image part below ``image_processor``. ``do_normalize: false`` means mean 0 and deviation 1. A ``size`` of height and
    width squashes to a square; a number or ``shortest_edge`` keeps the ratio.

    Args:
        folder: of the model.
        default: of the family, at the native size of the config.
        said: values that take the place of the folder's file (of ``open_clip_config.json``).

    Raises:
        ModelError: if a file is there and cannot be used.
    """
    path = next((folder / name for name in FILES if (folder / name).is_file()), None)
    if path is None and said is None:
        return default
    # what was said has no file of its own: the folder stands in a refusal
    path = path or folder
    values = dict(said) if said is not None else _values(path)
    if values.get("do_normalize") is False:
        mean, std = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    else:
        mean = _rgb(path, values, "image_mean", default.mean)
        std = _rgb(path, values, "image_std", default.std)
    if not all(deviation > 0 for deviation in std):
        raise ModelError(f"{path}: image_std: expected positive numbers, got {list(std)}")
    return replace(
        default,
        mean=mean,
        std=std,
        squash=_squash(values.get("size"), default.squash),
        resample=_resample(path, values.get("resample"), default.resample),
    )


def _values(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise ModelError(
            f"{path}: expected the JSON of an image processor, got something else ({error})"
        ) from error
    if isinstance(values, dict) and isinstance(values.get("image_processor"), dict):
        values = values["image_processor"]
    if not isinstance(values, dict):
        raise ModelError(f"{path}: expected the JSON of an image processor, got {type(values).__name__}")
    return values


def _rgb(path: Path, values: dict[str, Any], key: str, default: RGB) -> RGB:
    given = values.get(key)
    if given is None:
        return default
    try:
        red, green, blue = (float(number) for number in given)
    except (TypeError, ValueError) as error:
        raise ModelError(
            f"{path}: expected the JSON of an image processor with three numbers in {key}, got {given!r}"
        ) from error
    return red, green, blue


def _resample(path: Path, number: Any, default: Resample) -> Resample:
    """Pillow's filter by its number."""
    if number is None:
        return default
    filters = get_args(Resample)
    # JSON's true is an int in Python, and would be the filter with number 1
    if not isinstance(number, int) or isinstance(number, bool) or number not in range(len(filters)):
        raise ModelError(f"{path}: resample: expected a number from 0 to {len(filters) - 1}, got {number!r}")
    found: Resample = filters[number]
    return found


def _squash(size: Any, default: bool) -> bool:
    if isinstance(size, dict):
        # a dict of shortest_edge says the contrary: keep the ratio, then crop
        return "height" in size and "width" in size
    return default if size is None else False
