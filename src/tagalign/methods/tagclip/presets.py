"""What TagCLIP's and CLIP-ES's releases set for each data set: values of options that nobody gave.

An option that is given stays as it is. Layers are shares of the depth, so that a preset holds at any depth; at the releases'
12 layers they are theirs. CLIP-ES on VOC is what stands without a preset, on COCO it is ``coco``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, TypeVar

from tagalign.layer_range import LayerRange
from tagalign.methods.thresholds import Threshold

Options = TypeVar("Options")

REFINE_LAYERS = LayerRange("2/3:-1")
"""Paper: "the last four attention weights except the last one" of 12."""

AFFINITY_LAYERS = LayerRange("1/3:")
"""CLIP-ES: the last eight of 12."""

PresetName = Literal["voc", "coco", "coco-stuff"]


@dataclass(frozen=True, kw_only=True)
class TagClipPreset:
    """Values of options, by their names.

    Attributes:
        threshold: which labels are chosen as tags.
        candidate_share: labels looked at again.
        box_share: patches of a class activation map that belong to it.
        refine_layers: whose attention refines the scores.
        affinity_layers: whose attention spreads the maps.
    """

    threshold: Threshold = Threshold(kind="relative", value=0.5)
    candidate_share: float = 0.5
    box_share: float = 0.4
    refine_layers: LayerRange = REFINE_LAYERS
    affinity_layers: LayerRange = AFFINITY_LAYERS


STANDARD = TagClipPreset()
"""The papers' values, and CLIP-ES's on VOC."""

PRESETS: Mapping[str, TagClipPreset] = {
    # linyq2117/TagCLIP at c32b640, its CLIP-ES scripts for each data set
    "voc": TagClipPreset(affinity_layers=LayerRange("1/3:-1")),
    "coco": TagClipPreset(box_share=0.7),
    "coco-stuff": TagClipPreset(
        threshold=Threshold(kind="relative", value=0.1),
        candidate_share=0.1,
        box_share=0.7,
        refine_layers=LayerRange(":-1"),
    ),
}
"""By the name of the option ``preset``."""


def find_preset(name: PresetName | None) -> TagClipPreset:
    """A preset; the standard values without a name."""
    return STANDARD if name is None else PRESETS[name]


def filled(options: Options) -> Options:
    """Options of TagCLIP or CLS-SEG in which all that a preset sets has a value: the given one, else the preset's."""
    given: Any = options
    preset = find_preset(given.preset)
    own = {field.name for field in fields(given)}
    values = {
        field.name: getattr(preset, field.name)
        for field in fields(preset)
        if field.name in own and getattr(given, field.name) is None
    }
    filled_in: Options = replace(given, **values)
    return filled_in


def preset_text(names: tuple[str, ...]) -> str:
    """What each preset sets of some options, in words: the help of the option ``preset``."""
    return "as the release on a data set, where an option is not given: " + "; ".join(
        f"{name}: {', '.join(_changed(preset, names)) or 'no change'}" for name, preset in PRESETS.items()
    )


def _changed(preset: TagClipPreset, names: tuple[str, ...]) -> list[str]:
    return [
        f"{name} {getattr(preset, name)}"
        for name in names
        if getattr(preset, name) != getattr(STANDARD, name)
    ]
