"""Tables 1 to 4 and S1 of TagCLIP's paper."""

from dataclasses import replace

from bench import Bench, global_scores
from scenes import Scenes, label_set
from scores import Row, mean_ap, merged, miou, scores_of, tag_row
from settings import SETTINGS

from tagalign.data.tiny_world import CLASS_SETS, OBJECTS


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
    rows: dict[str, Row] = {}
    scenes = scenes.first(SETTINGS["refined_scenes"])
    taggings = bench.tag(scenes)
    perfect = [
        replace(t, chosen=tuple(row.nonzero()[:, 0].tolist()))
        for t, row in zip(taggings, scenes.truth, strict=True)
    ]
    for refine in ("none", "crf"):
        for mode in ("maskclip", "surgery"):
            found = bench.segment(bench.dense(mode, refine=refine), scenes, bench.everything)
            value = miou(map(merged, found), scenes.maps("objects"), len(OBJECTS) + 1)
            rows[f"{mode}{with_refinement(refine)}"] = {"mIoU objects": value}
        for name, tags in (("CLS-SEG", taggings), ("CLS-SEG with true tags", perfect)):
            rows[f"{name}{with_refinement(refine)}"] = {
                "mIoU objects": bench.cls_seg(scenes, tags, refine=refine)
            }
    return rows


def with_refinement(refine: str) -> str:
    return "" if refine == "none" else f" + {refine.upper()}"


def table_4(bench: Bench, scenes: Scenes) -> dict[str, Row]:
    encoded = bench.tagger().encode_images(scenes.images)
    rows = {}
    for name, dmar, cwr in (
        ("coarse", False, False), ("coarse + CWR", False, True),
        ("coarse + DMAR", True, False), ("coarse + DMAR + CWR", True, True),
    ):  # fmt: skip
        taggings = bench.tag(scenes, encoded, dual_masking=dmar, reidentify=cwr)
        rows[name] = tag_row(taggings, scenes.truth) | {"mIoU objects": bench.cls_seg(scenes, taggings)}
    return rows


def table_s1(bench: Bench, scenes: Scenes) -> dict[str, Row]:
    encoded = bench.tagger().encode_images(scenes.images)
    sets = {"off": label_set(OBJECTS), "on": bench.objects}
    return {name: tag_row(bench.tag(scenes, encoded, labels), scenes.truth) for name, labels in sets.items()}
