"""Tags, masks, referring masks, captions and search from image-caption pairs, open-vocabulary, on your own machine.

Importing is free: a public name is loaded from its module when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tagalign.errors import (
        DataError,
        ImageError,
        InputError,
        MissingExtraError,
        MissingPartError,
        ModelError,
        ServerError,
        TagalignError,
        UnknownNameError,
    )
    from tagalign.labels import Label, LabelSet
    from tagalign.methods.protocols import Answerer, Captioner, HeatMapper, Referrer, Segmenter, Tagger
    from tagalign.tags.label_sets import load_label_set
    from tagalign.tags.parsers import load_parser
    from tagalign.tags.vocabulary import TagVocabulary
    from tagalign.tasks.model import Model, load
    from tagalign.tasks.search.rankers import Ranker
    from tagalign.types import (
        Caption,
        EncodedImage,
        EncodedLabels,
        Hit,
        Ranking,
        Referring,
        Segmentation,
        Tagging,
        View,
    )

__version__ = "0.1.0.dev0"

_MODULES = {
    "tagalign.errors": (
        "DataError",
        "ImageError",
        "InputError",
        "MissingExtraError",
        "MissingPartError",
        "ModelError",
        "ServerError",
        "TagalignError",
        "UnknownNameError",
    ),
    "tagalign.labels": ("Label", "LabelSet"),
    "tagalign.methods.protocols": (
        "Answerer",
        "Captioner",
        "HeatMapper",
        "Referrer",
        "Segmenter",
        "Tagger",
    ),
    "tagalign.tags.label_sets": ("load_label_set",),
    "tagalign.tags.parsers": ("load_parser",),
    "tagalign.tags.vocabulary": ("TagVocabulary",),
    "tagalign.tasks.model": ("Model", "load"),
    "tagalign.tasks.search.rankers": ("Ranker",),
    "tagalign.types": (
        "Caption",
        "EncodedImage",
        "EncodedLabels",
        "Hit",
        "Ranking",
        "Referring",
        "Segmentation",
        "Tagging",
        "View",
    ),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "Answerer",
    "Caption",
    "Captioner",
    "DataError",
    "EncodedImage",
    "EncodedLabels",
    "HeatMapper",
    "Hit",
    "ImageError",
    "InputError",
    "Label",
    "LabelSet",
    "MissingExtraError",
    "MissingPartError",
    "Model",
    "ModelError",
    "Ranker",
    "Ranking",
    "Referrer",
    "Referring",
    "Segmentation",
    "Segmenter",
    "ServerError",
    "TagVocabulary",
    "TagalignError",
    "Tagger",
    "Tagging",
    "UnknownNameError",
    "View",
    "load",
    "load_label_set",
    "load_parser",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'tagalign' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
