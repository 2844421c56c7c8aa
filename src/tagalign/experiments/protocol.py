"""What stands fixed before any number on the tiny world is measured: splits, windows, prompts, parsers, list sizes.

Changing a line here, or a constant that it reads, invalidates every table on the tiny world.
"""

from typing import Any

from tagalign.data.tiny_world import CROWDED
from tagalign.evaluate.background import STEPS
from tagalign.methods.dense.options import DenseOptions, ProfileName

TRAIN_SPLIT, VALIDATION_SPLIT, TEST_SPLIT = "train", "validation", "test"

PROFILE: ProfileName = "paper"
"""Whole image, cosines upsampled first, prompt "a photo of a {label}"; the scenes are seen at their own size."""

MODE = "clip"
"""Dense mode of the features that projectors are trained on; chosen on validation scenes by ``miou_objects`` (the released
code trains on ``surgery``)."""

CLASSES = "all"
"""Objects and backgrounds as classes, no background rule: ``miou``."""
OBJECT_CLASSES = "objects"
"""Objects alone; a pixel whose best probability is at most the threshold is background: ``miou_objects``. The threshold is
chosen on validation scenes, for each row by itself (``evaluate.background``)."""

WORLD_VERSION = 1
"""Of every table that does not name another one."""

PARSER = "distilled"
OBJECT_TAGS, ATTRIBUTE_TAGS = 500, 100
"""Sizes of the tag lists; the long tail of the alt text holds more."""


def describe() -> dict[str, Any]:
    """The protocol as results record it."""
    own = DenseOptions()
    return {
        "world_version": WORLD_VERSION,
        "train_split": TRAIN_SPLIT,
        "validation_split": VALIDATION_SPLIT,
        "test_split": TEST_SPLIT,
        "crowded": CROWDED,
        "profile": PROFILE,
        "mode": MODE,
        "classes": CLASSES,
        "object_classes": OBJECT_CLASSES,
        "threshold_steps": STEPS,
        "refer_template": own.phrase_templates[0],
        "refer_rule": f"mask where cos(phrase) - cos({own.neutral!r}), min-max scaled, is above {own.phrase_threshold}",
        "parser": PARSER,
        "object_tags": OBJECT_TAGS,
        "attribute_tags": ATTRIBUTE_TAGS,
    }
