"""Tables that the paper does not have: profiles, groups, thresholds."""

import numpy as np
import torch
from bench import Bench
from scenes import Scenes, label_set
from scores import Row, chosen_of, mean_ap, rechosen, scores_of, tag_row
from settings import GROUND
from torch import Tensor

from tagalign.data.tiny_world import FAMILIES, FAMILY_OF, OBJECTS
from tagalign.evaluate.tagging import precision_recall
from tagalign.methods.thresholds import Threshold


def table_profiles(bench: Bench, scenes: Scenes) -> dict[str, Row]:
    return {p: tag_row(bench.tag(scenes, profile=p), scenes.truth) for p in ("fixed", "released", "paper")}


def table_groups(bench: Bench, scenes: Scenes) -> dict[str, Row]:
    """28 kinds and their 4 families in one list."""
    names = (*OBJECTS, *FAMILIES)
    truth = torch.tensor(
        [[int(n in s.tags.objects or n in s.tags.families) for n in names] for s in scenes.scenes]
    )
    encoded = bench.tagger().encode_images(scenes.images)
    rows = {}
    for name, groups in (
        ("one softmax", None),
        ("two groups", ["kind"] * len(OBJECTS) + ["family"] * len(FAMILIES)),
    ):
        taggings = bench.tag(scenes, encoded, label_set(names, GROUND, groups))
        chosen = chosen_of(taggings)
        rows[name] = {
            "mAP": mean_ap(scores_of(taggings), truth),
            "f1": 100 * precision_recall(chosen, truth, average="micro").f1,
            "kind and its family both tagged": 100 * _both(chosen, scenes),
        }
    return rows


def _both(chosen: Tensor, scenes: Scenes) -> float:
    """Share of the true kinds that were tagged together with their family."""
    families = list(FAMILIES)
    hits = [
        bool(row[OBJECTS.index(kind)] and row[len(OBJECTS) + families.index(FAMILY_OF[kind])])
        for row, scene in zip(chosen, scenes.scenes, strict=True)
        for kind in scene.tags.objects
    ]
    return float(np.mean(hits))


def table_thresholds(bench: Bench, scenes: Scenes) -> dict[str, Row]:
    calibrated = bench.calibrated()
    rules = {
        "relative:0.5": Threshold(),
        "top:3": Threshold(kind="top", value=3.0),
        "one for all, calibrated": Threshold(kind="absolute", value=calibrated.value),
        "per label, calibrated": calibrated,
    }
    taggings = bench.tag(scenes)
    rows = {}
    for name, rule in rules.items():
        again = rechosen(taggings, rule)
        macro = precision_recall(chosen_of(again), scenes.truth, average="macro")
        rows[name] = {k: v for k, v in tag_row(again, scenes.truth).items() if k != "mAP"} | {
            "macro f1": 100 * macro.f1
        }
    return rows
