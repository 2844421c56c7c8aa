"""Tables 1 to 4 and S1 of TagCLIP's paper."""

from dataclasses import replace
from typing import Any

from bench import Bench, global_scores
from scenes import Scenes, label_set
from scores import Row, mean_ap, merged, miou, rechosen, scores_of, tag_row

from tagalign.data.tiny_world import CLASS_SETS, OBJECTS
from tagalign.types import Tagging


def table_1(bench: Bench, scenes: Scenes) -> dict[str, Row]:
    rows = {}
    for name, keep, mode in (("kept", True, "clip"), ("skipped", False, "maskclip")):
        taggings = bench.tag(scenes, dual_masking=False, reidentify=False, last_attention=keep)
        found = bench.segment(bench.dense(mode), scenes, bench.everything)
        rows[name] = {
            "mAP": tag_row(taggings, scenes.truth)["mAP"],
            "mIoU": miou([f.labels for f in found], scenes.maps("all"), len(CLASS_SETS["all"])),
        }
    return rows


def table_2(bench: Bench, scenes: Scenes) -> dict[str, Row]:
    cosine, probs = global_scores(bench, scenes)
    surgery = bench.dense("surgery")
    labels = surgery.encode_labels(bench.objects)
    surgery_taggings = [surgery.tag(image, labels) for image in surgery.encode_images(scenes.images)]
    return {
        "CLIP without softmax": {"mAP": mean_ap(cosine, scenes.truth)},
        "CLIP": {"mAP": mean_ap(probs, scenes.truth)},
        "surgery, best patch": {"mAP": mean_ap(scores_of(surgery_taggings), scenes.truth)},
        "TagCLIP": {"mAP": tag_row(bench.tag(scenes), scenes.truth)["mAP"]},
    }


def table_3(bench: Bench, scenes: Scenes) -> dict[str, Row]:
    rows = {mode: _dense(bench, scenes, mode) for mode in ("maskclip", "surgery")}
    tags = _tags(bench, scenes)
    for name, given in tags.items():
        rows[f"CLS-SEG, {name} tags"] = {"mIoU objects": bench.cls_seg(scenes, given)}
    every = tuple(range(bench.clip.num_layers))
    value = bench.cls_seg(scenes, tags["calibrated"], affinity_layers=every)
    rows["CLS-SEG, calibrated tags, affinity of all layers"] = {"mIoU objects": value}
    return rows


def table_3_crf(bench: Bench, scenes: Scenes) -> dict[str, Row]:
    """The rows of Table 3 that the paper refines, without and with; slow."""
    tags = _tags(bench, scenes)["calibrated"]
    rows = {}
    for refine in ("none", "crf"):
        rows[f"maskclip, {refine}"] = _dense(bench, scenes, "maskclip", refine=refine)
        value = bench.cls_seg(scenes, tags, refine=refine)
        rows[f"CLS-SEG, calibrated tags, {refine}"] = {"mIoU objects": value}
    return rows


def _dense(bench: Bench, scenes: Scenes, mode: str, **settings: Any) -> Row:
    found = bench.segment(bench.dense(mode, **settings), scenes, bench.everything)
    return {"mIoU objects": miou(map(merged, found), scenes.maps("objects"), len(OBJECTS) + 1)}


def _tags(bench: Bench, scenes: Scenes) -> dict[str, list[Tagging]]:
    """By who chose them."""
    taggings = bench.tag(scenes)
    true = [
        replace(t, chosen=tuple(row.nonzero()[:, 0].tolist()))
        for t, row in zip(taggings, scenes.truth, strict=True)
    ]
    return {"relative": taggings, "calibrated": rechosen(taggings, bench.calibrated()), "true": true}


STEPS: dict[str, dict[str, Any]] = {
    "coarse": {"dual_masking": False, "reidentify": False},
    "coarse + CWR": {"dual_masking": False},
    "coarse + DMAR": {"reidentify": False},
    "coarse + DMAR + CWR": {},
}
PUBLISHED: dict[str, dict[str, Any]] = {
    "published layers: coarse + DMAR": {"refine_layers": "-4:-1", "reidentify": False},
    "enlarged crops: coarse + CWR": {"dual_masking": False, "enlarge_crops": True},
    "both as published: coarse + DMAR + CWR": {"refine_layers": "-4:-1", "enlarge_crops": True},
}
"""The recipe for 12 layers and photos, carried over to 7 layers and drawn scenes."""


def table_4(bench: Bench, scenes: Scenes) -> dict[str, Row]:
    rows = {}
    for name, settings in {**STEPS, **PUBLISHED}.items():
        taggings = bench.tag(scenes, **settings)
        sure = rechosen(taggings, bench.calibrated(**settings))
        rows[name] = tag_row(taggings, scenes.truth) | {
            "f1, calibrated": tag_row(sure, scenes.truth)["f1"],
            "mIoU objects": bench.cls_seg(scenes, taggings),
            "mIoU objects, calibrated": bench.cls_seg(scenes, sure),
        }
    return rows


def table_s1(bench: Bench, scenes: Scenes) -> dict[str, Row]:
    encoded = bench.tagger().encode_images(scenes.images)
    sets = {"off": label_set(OBJECTS), "on": bench.objects}
    return {name: tag_row(bench.tag(scenes, encoded, labels), scenes.truth) for name, labels in sets.items()}
