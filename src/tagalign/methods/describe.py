"""What a result names of the options that acted; what it names of the encoder stands in ``backbones.facts``."""

import dataclasses
from typing import Any

from tagalign.layer_range import LayerRange
from tagalign.methods.thresholds import Threshold


def describe_options(options: Any) -> dict[str, object]:
    """The options as JSON values: thresholds and layers as people type them, tuples as lists."""
    return {field.name: _plain(getattr(options, field.name)) for field in dataclasses.fields(options)}


def _plain(value: Any) -> object:
    if isinstance(value, Threshold | LayerRange):
        return str(value)
    return list(value) if isinstance(value, tuple) else value
