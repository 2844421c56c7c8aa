"""What stands fixed before any number on the tiny world is measured: splits, windows, prompts, thresholds, metrics.

Changing a line here invalidates every table on the tiny world.
"""

from dataclasses import dataclass, field

TRAIN_SPLIT, VALIDATION_SPLIT, TEST_SPLIT = "train", "validation", "test"
CROWDED = 0.7
"""Share of scenes with two to five objects, in all splits."""

PROFILE = "paper"
"""Whole image, cosines upsampled first, prompt "a photo of a {label}"; the scenes are seen at their own size."""

MODE = "clip"
"""Dense mode of the features that projectors are trained on; chosen on validation scenes by ``miou_objects`` (the released
code trains on ``surgery``)."""

CLASSES = "all"
"""Objects and backgrounds as classes, no background rule: ``miou``."""
OBJECT_CLASSES = "objects"
"""Objects alone; a pixel whose best probability is at most the threshold is background: ``miou_objects``."""

THRESHOLD_STEPS = 40
"""The threshold of ``miou_objects`` is the best of so many quantiles of the best probability on validation scenes, for each
row by itself: raw CLIP and a trained projector live on different parts of the cosine scale."""

REFER_TEMPLATE = "a photo of {phrase}"
REFER_RULE = (
    "mask where cos(phrase) - cos(a thing), min-max scaled, is above 0.6; both chosen on validation scenes"
)

PARSER = "distilled"
OBJECT_TAGS, ATTRIBUTE_TAGS = 500, 100
"""Sizes of the tag lists; the long tail of the alt text holds more."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the tables: a baseline (``losses`` empty) or a projector.

    Attributes:
        name: as printed.
        method: of the baseline, or ``tagalign``.
        losses: weight by name.
        kinds: tags that are trained on.
        loss: kind of the tag loss.
    """

    name: str
    method: str = "tagalign"
    losses: dict[str, float] = field(default_factory=dict)
    kinds: tuple[str, ...] = ()
    loss: str = "balanced"


BASELINES = (
    Row(name="clip", method="clip"),
    Row(name="maskclip", method="maskclip"),
    Row(name="surgery", method="surgery"),
)
BOTH = {"tag": 1.0, "contrastive": 1.0}
TRAINED = (
    Row(name="tagalign-captions", losses={"contrastive": 1.0}),
    Row(name="tagalign-objects", losses=BOTH, kinds=("object",)),
    Row(name="tagalign-objects-attributes", losses=BOTH, kinds=("object", "attribute")),
)
ROWS = (*BASELINES, *TRAINED)
