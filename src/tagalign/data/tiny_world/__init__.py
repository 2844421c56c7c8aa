"""A small drawn world: scenes from a seed, with masks, alt text, captions, referring phrases and questions."""

from tagalign.data.tiny_world.names import (
    ACTIONS,
    BACKGROUND_RULE,
    BACKGROUNDS,
    CLASS_SETS,
    COLORS,
    CONCEPTS,
    FAMILIES,
    FAMILY_OF,
    OBJECTS,
    PATTERNS,
    SEEN,
    SIZES,
    SYNONYMS,
    UNSEEN,
    UNSEEN_CONCEPTS,
    Concept,
    Palette,
)
from tagalign.data.tiny_world.scenes import Placed, SceneLayout
from tagalign.data.tiny_world.truth import Tags
from tagalign.data.tiny_world.versions import LATEST, VERSIONS
from tagalign.data.tiny_world.world import CROWDED, SIZE, DrawnObject, Scene, TinyWorld

__all__ = [
    "ACTIONS",
    "BACKGROUNDS",
    "BACKGROUND_RULE",
    "CLASS_SETS",
    "COLORS",
    "CONCEPTS",
    "CROWDED",
    "FAMILIES",
    "FAMILY_OF",
    "LATEST",
    "OBJECTS",
    "PATTERNS",
    "SEEN",
    "SIZE",
    "SIZES",
    "SYNONYMS",
    "UNSEEN",
    "UNSEEN_CONCEPTS",
    "VERSIONS",
    "Concept",
    "DrawnObject",
    "Palette",
    "Placed",
    "Scene",
    "SceneLayout",
    "Tags",
    "TinyWorld",
]
