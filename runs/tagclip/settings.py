"""What stands fixed before the first result was seen."""

from typing import Any

from tagalign.data.tiny_world import BACKGROUNDS

SETTINGS: dict[str, Any] = {
    "world": {"split": "test", "crowded": 1.0, "size": 80},
    "seeds": [0, 1, 2],
    "scenes": 100,
    "refined_scenes": 40,
    "gating_scenes": 12,
    "curve_scenes": 12,
    "calibration": {"split": "val", "seed": 0, "scenes": 100},
    "templates": ["a photo of a {}"],
    "labels": "28 kinds of objects; background words: the 6 backgrounds",
    "miou_objects": "objects and one background class; dense methods answer with 34 names, backgrounds merged into one",
    "miou": "28 objects and 6 backgrounds, no background rule",
    "profile": "fixed",
    "dense_profile": "paper",
    "threshold": "relative:0.5",
}


LAMBDAS = [i / 10 for i in range(11)]


SHARES = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]


GROUND = BACKGROUNDS["default"]
