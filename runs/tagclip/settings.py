"""What stands fixed before the first result was seen, and what a reader must know of every number."""

from typing import Any

from tagalign.data.tiny_world import BACKGROUNDS

SETTINGS: dict[str, Any] = {
    "world": {"split": "test", "crowded": 1.0, "size": 80},
    "scenes": 100,
    "choice": {"split": "val", "seeds": [0, 1], "scenes": 100},
    "templates": ["a photo of a {}"],
    "labels": "28 kinds of objects; background words: the 6 backgrounds",
    "miou_objects": "objects and one background class; dense methods answer with 34 names, backgrounds merged into one",
    "miou": "28 objects and 6 backgrounds, no background rule",
    "profile": "fixed",
    "dense_profile": "paper",
    "threshold": "relative:0.5",
    "enlarge_crops": False,
    "affinity": "the last five layers",
    "boxes": {"box_share": [0.4, 0.7], "background_power": [1.0, 2.0]},
}
"""``choice``: scenes on which layers, boxes and thresholds are chosen, none of which is tested on. ``boxes``: the values of
the releases (VOC and COCO; CLIP-ES sweeps the power). Crops keep the scale of the scene: an encoder that was trained on
whole scenes has never seen an object enlarged."""

AFFINITY_LAYERS = 5
LAMBDAS = [i / 10 for i in range(11)]
SHARES = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
FEW_SHARES = [0.1, 0.3, 0.5, 0.7, 0.9]
GROUND = BACKGROUNDS["default"]
