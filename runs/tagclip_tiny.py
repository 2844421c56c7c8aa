"""The tables and curves of TagCLIP's paper, and ours, on the tiny world: tagclip.json, tagclip.md and a page of steps.

All settings stand in ``SETTINGS``, fixed before the first result was seen. Directions are checked by the script itself and
printed as they come out.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from tagclip_report import render
from torch import Tensor

from tagalign.backbones.load import load_backbone
from tagalign.backbones.modes import DENSE_MODES
from tagalign.backbones.protocols import BlockBackbone
from tagalign.data.tiny_world import BACKGROUNDS, CLASS_SETS, FAMILIES, FAMILY_OF, OBJECTS, TinyWorld
from tagalign.evaluate.segmentation import Confusion
from tagalign.evaluate.tagging import average_precisions, mean_average_precision, precision_recall
from tagalign.methods.cls_seg.method import ClsSeg
from tagalign.methods.cls_seg.options import ClsSegOptions
from tagalign.methods.dense.method import DenseMethod
from tagalign.methods.dense.options import DenseOptions
from tagalign.methods.gated.method import Gated
from tagalign.methods.groups import split_groups
from tagalign.methods.options import build_options
from tagalign.methods.resources import Resources
from tagalign.methods.tagclip.method import TagClip
from tagalign.methods.tagclip.options import TagClipOptions
from tagalign.methods.thresholds import Threshold
from tagalign.tasks.calibration import best_thresholds
from tagalign.types import EncodedLabels, Label, LabelSet, Segmentation, Tagging

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
Row = dict[str, float]


def label_set(
    names: Sequence[str], background: Sequence[str] = (), groups: Sequence[str | None] | None = None
) -> LabelSet:
    labels = tuple(Label(name=n, group=g) for n, g in zip(names, groups or [None] * len(names), strict=True))
    return LabelSet(
        name="tiny-world", labels=labels, background=tuple(background), templates=tuple(SETTINGS["templates"])
    )


class Scenes:
    """Pictures of one seed and what is true of them."""

    def __init__(self, seed: int, count: int, **world: Any) -> None:
        self.scenes = list(TinyWorld(seed=seed, **{**SETTINGS["world"], **world}).take(count))
        self.images = [Image.fromarray(scene.image) for scene in self.scenes]
        self.truth = torch.tensor([[int(name in s.tags.objects) for name in OBJECTS] for s in self.scenes])

    def first(self, count: int) -> "Scenes":
        """Fewer of them, for what takes long."""
        return self.take(range(min(count, len(self.scenes))))

    def take(self, places: Sequence[int]) -> "Scenes":
        """Some of them."""
        some = object.__new__(Scenes)
        some.scenes = [self.scenes[i] for i in places]
        some.images = [self.images[i] for i in places]
        some.truth = self.truth[list(places)]
        return some

    def maps(self, class_set: str) -> list[Tensor]:
        """True labels of every pixel."""
        return [torch.from_numpy(scene.label_map(class_set)) for scene in self.scenes]


# --- scores -----------------------------------------------------------------------------------------------------------


def scores_of(taggings: Sequence[Tagging]) -> Tensor:
    return torch.tensor([t.scores for t in taggings], dtype=torch.float64)


def chosen_of(taggings: Sequence[Tagging]) -> Tensor:
    chosen = torch.zeros(len(taggings), len(taggings[0].names), dtype=torch.bool)
    for row, tagging in zip(chosen, taggings, strict=True):
        row[list(tagging.chosen)] = True
    return chosen


def tag_row(taggings: Sequence[Tagging], truth: Tensor) -> Row:
    found = precision_recall(chosen_of(taggings), truth, average="micro")
    return {"mAP": mean_ap(scores_of(taggings), truth), "precision": 100 * found.precision, "recall": 100 * found.recall,
            "f1": 100 * found.f1}  # fmt: skip


def mean_ap(scores: Tensor, truth: Tensor) -> float:
    return 100 * mean_average_precision(average_precisions(scores.double(), truth))


def miou(predictions: Iterator[Tensor] | Sequence[Tensor], truth: Sequence[Tensor], classes: int) -> float:
    confusion = Confusion(classes)
    for prediction, target in zip(predictions, truth, strict=True):
        confusion.update(prediction, target)
    return 100 * confusion.miou()


def merged(found: Segmentation) -> Tensor:
    """Labels of the 34 classes as objects with one background."""
    return torch.where(found.labels < len(OBJECTS), found.labels + 1, 0)


# --- methods ----------------------------------------------------------------------------------------------------------


class Bench:
    """One model, and pictures encoded once per method."""

    def __init__(self, clip: BlockBackbone) -> None:
        self.clip = clip
        self.objects = label_set(OBJECTS, GROUND)
        self.everything = label_set(CLASS_SETS["all"])

    def tagger(self, **settings: Any) -> TagClip:
        """With the settings of all tables but those given."""
        own = {"profile": SETTINGS["profile"], "threshold": SETTINGS["threshold"]}
        options = build_options(TagClipOptions, own | settings, method="tagclip")
        return TagClip(self.clip, options, resources=Resources(batch_size=50, crop_batch=100))

    def tag(
        self,
        scenes: Scenes,
        encoded: list[Any] | None = None,
        labels: LabelSet | None = None,
        **settings: Any,
    ) -> list[Tagging]:
        """Tag all scenes."""
        tagger = self.tagger(**settings)
        images = encoded if encoded is not None else tagger.encode_images(scenes.images)
        return tagger.tag_batch(images, tagger.encode_labels(labels or self.objects))

    def dense(self, mode: str, **settings: Any) -> DenseMethod:
        """A dense method on the same encoder."""
        options = build_options(DenseOptions, {"profile": SETTINGS["dense_profile"], **settings}, method=mode)
        return DenseMethod(self.clip, options, method=mode, mode=mode, resources=Resources(batch_size=50))

    def segment(self, method: Any, scenes: Scenes, labels: LabelSet) -> list[Segmentation]:
        """Every scene by a method."""
        encoded_labels = method.encode_labels(labels)
        return [
            method.segment(value, encoded_labels, photo=photo)
            for value, photo in zip(method.encode_images(scenes.images), scenes.images, strict=True)
        ]

    def cls_seg(self, scenes: Scenes, taggings: Sequence[Tagging], **settings: Any) -> float:
        """Score (mIoU) objects and background with given tags."""
        options = build_options(ClsSegOptions, {"profile": SETTINGS["profile"], **settings}, method="cls-seg")
        method = ClsSeg(self.clip, options, resources=Resources(batch_size=50))
        labels = method.encode_labels(self.objects)
        found = (
            method.segment_tags(image, labels, tagging.chosen, photo=photo).labels
            for image, tagging, photo in zip(
                method.encode_images(scenes.images), taggings, scenes.images, strict=True
            )
        )
        return miou(found, scenes.maps("objects"), len(OBJECTS) + 1)


def global_scores(bench: Bench, scenes: Scenes) -> tuple[Tensor, Tensor]:
    """Cosine and softmax probability of the class token, softmax with the background words."""
    tagger = bench.tagger()
    group = split_groups(tagger.encode_labels(bench.objects))[0]
    pixels = torch.stack([tagger.lay(image) for image in scenes.images])
    tokens = torch.cat(
        [bench.clip.project(bench.clip.encode_dense(p, mode="clip").cls) for p in pixels.split(100)]
    )
    cosine = F.normalize(tokens, dim=1) @ group.embeds.T
    return cosine, group.probs(tokens, bench.clip.logit_scale)[:, : len(OBJECTS)]


# --- tables -----------------------------------------------------------------------------------------------------------


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


def table_profiles(bench: Bench, scenes: Scenes) -> dict[str, Row]:
    return {p: tag_row(bench.tag(scenes, profile=p), scenes.truth) for p in ("fixed", "released", "paper")}


def table_s1(bench: Bench, scenes: Scenes) -> dict[str, Row]:
    encoded = bench.tagger().encode_images(scenes.images)
    sets = {"off": label_set(OBJECTS), "on": bench.objects}
    return {name: tag_row(bench.tag(scenes, encoded, labels), scenes.truth) for name, labels in sets.items()}


def table_gating(bench: Bench, scenes: Scenes) -> dict[str, Row]:
    """Score all 34 classes: tags of the objects and the backgrounds, which stand in groups of their own."""
    scenes = scenes.first(SETTINGS["gating_scenes"])
    names = CLASS_SETS["all"]
    labels = label_set(names, groups=["object"] * len(OBJECTS) + ["background"] * len(GROUND))
    tagger = bench.tagger()
    images, tag_labels = tagger.encode_images(scenes.images), tagger.encode_labels(labels)
    taggings = tagger.tag_batch(images, tag_labels)
    truth = scenes.maps("all")
    rows: dict[str, Row] = {}
    for mode in DENSE_MODES:
        row: Row = {}
        for refine in ("none", "pamr", "crf"):
            dense = bench.dense(mode, refine=refine)
            encoded = dense.encode_images(scenes.images)
            dense_labels = dense.encode_labels(labels)
            for gate in ("off", "hard", "soft") if refine == "none" else ("off", "hard"):
                found = list(
                    _gated(
                        tagger, dense, gate, labels, encoded, dense_labels, images, taggings, scenes.images
                    )
                )
                row[f"{gate}{with_refinement(refine)}"] = miou(found, truth, len(names))
        rows[mode] = row
    return rows


def _gated(
    tagger: TagClip, dense: DenseMethod, gate: str, labels: LabelSet, encoded: Sequence[Any], dense_labels: EncodedLabels,
    images: Sequence[Any], taggings: Sequence[Tagging], photos: Sequence[Image.Image],
) -> Iterator[Tensor]:  # fmt: skip
    from tagalign.methods.gated.method import GatedImage

    gated = Gated(tagger, dense, gate="hard" if gate == "off" else gate)
    both = gated.encode_labels(labels)
    for value, image, tagging, photo in zip(encoded, images, taggings, photos, strict=True):
        if gate == "off":
            yield dense.segment(value, dense_labels, photo=photo).labels
        else:
            pair = GatedImage(method=gated.method, tags=image, dense=value)
            yield gated.segment_tagged(pair, both, tagging, photo=photo).labels


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
    setting = SETTINGS["calibration"]
    kept_aside = Scenes(setting["seed"], setting["scenes"], split=setting["split"])
    measured = bench.tag(kept_aside)
    calibrated = best_thresholds(OBJECTS, [t.scores for t in measured], (kept_aside.truth == 1).tolist())
    rules = {
        "relative:0.5": Threshold(),
        "top:3": Threshold(kind="top", value=3.0),
        "one for all, calibrated": Threshold(kind="absolute", value=calibrated.value),
        "per label, calibrated": calibrated,
    }
    taggings = bench.tag(scenes)
    rows = {}
    for name, rule in rules.items():
        again = [replace(t, chosen=rule.choose(t.scores, t.names)) for t in taggings]
        macro = precision_recall(chosen_of(again), scenes.truth, average="macro")
        rows[name] = {k: v for k, v in tag_row(again, scenes.truth).items() if k != "mAP"} | {
            "macro f1": 100 * macro.f1
        }
    return rows


# --- curves, one seed -------------------------------------------------------------------------------------------------


def curves(bench: Bench, scenes: Scenes) -> dict[str, dict[str, Row]]:
    encoded = bench.tagger().encode_images(scenes.images)

    def sweep(name: str, values: Sequence[float]) -> dict[str, Row]:
        return {f"{v:g}": tag_row(bench.tag(scenes, encoded, **{name: v}), scenes.truth) for v in values}

    last = bench.clip.num_layers - 1
    single = {f"{i}": _layer_row(bench, scenes, (i,)) for i in range(last + 1)}
    fused = {f"{i} to {last - 1}": _layer_row(bench, scenes, tuple(range(i, last))) for i in range(last)}
    return {
        "lambda (Fig. S2)": sweep("local_weight", LAMBDAS),
        "mu1 (Fig. S1)": sweep("candidate_share", SHARES),
        "mu2 (Fig. S1)": sweep("region_share", SHARES),
        "one layer (Fig. 6)": single,
        "fused layers (Fig. 6)": fused,
    }


def _layer_row(bench: Bench, scenes: Scenes, layers: tuple[int, ...]) -> Row:
    taggings = bench.tag(scenes, refine_layers=layers)
    return tag_row(taggings, scenes.truth) | {"mIoU objects": bench.cls_seg(scenes, taggings)}


# --- one image, step by step (Fig. 5) ---------------------------------------------------------------------------------


def step_page(bench: Bench, scenes: Scenes, out: Path) -> str:
    """The first scene with four kinds of objects; the labels with the highest scores anywhere."""
    index = next(i for i, s in enumerate(scenes.scenes) if len(s.tags.objects) == 4)
    scene, picture = scenes.scenes[index], scenes.images[index]
    picture.resize((320, 320), Image.Resampling.NEAREST).save(out / "tagclip_scene.png")
    tagger = bench.tagger()
    image = tagger.encode_images([picture])[0]
    labels = tagger.encode_labels(bench.objects)
    coarse = bench.tagger(dual_masking=False, reidentify=False).tag(image, labels).scores
    step = tagger.steps([image], labels)[0][0]
    class_token = global_scores(bench, scenes.take([index]))[1][0].tolist()
    seen = dict(
        zip(step.scores.candidates[step.regions.filled()].tolist(), step.global_scores.tolist(), strict=True)
    )
    chosen = set(tagger.tag(image, labels).chosen)
    order = sorted(range(len(OBJECTS)), key=lambda i: -max(class_token[i], coarse[i], float(step.final[i])))[
        :10
    ]
    lines = [
        "# One scene, step by step",
        "",
        "![the scene](tagclip_scene.png)",
        "",
        f"In the scene: {', '.join(scene.tags.objects)} on {scene.background}. Profile `{tagger.profile.name}`.",
        "",
        "| label | in the scene | class token | coarse | after DMAR | second look (CWR) | final | tagged |",
        "|---|---|--:|--:|--:|--:|--:|---|",
    ]
    for i in order:
        second = f"{seen[i]:.2f}" if i in seen else ""
        present, tagged = (
            "yes" if known else "" for known in (OBJECTS[i] in scene.tags.objects, i in chosen)
        )
        lines.append(
            f"| {OBJECTS[i]} | {present} | {class_token[i]:.2f} | {coarse[i]:.2f} | "
            f"{float(step.scores.local[i]):.2f} | {second} | {float(step.final[i]):.2f} | {tagged} |"
        )
    return "\n".join(lines) + "\n"


# --- running and writing ----------------------------------------------------------------------------------------------

TABLES: dict[str, tuple[str, Callable[[Bench, Scenes], dict[str, Row]], int]] = {
    "table1": ("Table 1: last self-attention", table_1, 3),
    "table2": ("Table 2: tagging (mAP)", table_2, 3),
    "table4": ("Table 4: what each step adds", table_4, 3),
    "profiles": ("Profiles", table_profiles, 3),
    "tableS1": ("Table S1: background words", table_s1, 3),
    "groups": ("Groups: 28 kinds and their 4 families in one list", table_groups, 3),
    "thresholds": ("Thresholds", table_thresholds, 3),
    "table3": ("Table 3: segmentation, objects and background", table_3, 3),
    "gating": ("Gating: mIoU of all classes", table_gating, 1),
}
"""Title, function and number of seeds; what refines by colour takes longest and comes last."""

PART_SIZES = {"gating": "gating_scenes", "curves": "curve_scenes"}
"""Parts whose number of scenes has a setting of its own."""


def run_tables(
    bench: Bench, names: Sequence[str], scenes: list[Scenes], report: dict[str, Any], save: Callable[[], None]
) -> None:
    """Fill in what the report lacks, saving after every table: a run that stopped goes on with the next one."""
    for name in names:
        title, function, seeds = TABLES[name]
        if name in report["tables"]:
            continue
        start = time.process_time()
        by_seed = [function(bench, s) for s in scenes[:seeds]]
        seconds = round(time.process_time() - start)
        report["tables"][name] = {
            "title": title,
            "seeds": len(by_seed),
            "rows": by_seed,
            "cpu_seconds": seconds,
        }
        save()
        print(f"{name}: {seconds} s of processor time", flush=True)


def open_report(path: Path, head: dict[str, Any]) -> dict[str, Any]:
    """The report of an earlier start with the same settings and weights, else a new one."""
    head = json.loads(json.dumps(head))
    if path.exists():
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        # how many scenes a part takes matters only once that part is there
        free = {key for part, key in PART_SIZES.items() if part not in found["tables"] and part not in found}
        if all(_without(found.get(key), free) == _without(value, free) for key, value in head.items()):
            return {**found, **head}
    return {**head, "tables": {}}


def _without(values: Any, keys: set[str]) -> Any:
    return {k: v for k, v in values.items() if k not in keys} if isinstance(values, dict) else values


def main() -> None:
    """Run the tables and write the files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/results"))
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--tables", nargs="*", default=[*TABLES, "curves"])
    parser.add_argument("--scenes", type=int, default=SETTINGS["scenes"])
    parser.add_argument("--seeds", type=int, default=len(SETTINGS["seeds"]))
    settings = parser.parse_args()
    settings.out.mkdir(parents=True, exist_ok=True)
    bench = Bench(load_backbone(settings.model))
    seeds = SETTINGS["seeds"][: settings.seeds]
    scenes = [Scenes(seed, settings.scenes) for seed in seeds]
    path = settings.out / "tagclip.json"
    head = {
        "settings": SETTINGS | {"scenes": settings.scenes, "seeds": seeds},
        "model": {"name": bench.clip.name, "weight_hash": bench.clip.weight_hash},
        "tagger": bench.tagger().describe(),
    }
    report = open_report(path, head)

    def save() -> None:
        path.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
        (settings.out / "tagclip.md").write_text(render(report), encoding="utf-8")

    (settings.out / "tagclip_steps.md").write_text(
        step_page(bench, scenes[0], settings.out), encoding="utf-8"
    )
    run_tables(bench, [n for n in settings.tables if n in TABLES], scenes, report, save)
    if "curves" in settings.tables and "curves" not in report:
        start = time.process_time()
        report["curves"] = curves(bench, scenes[0].first(SETTINGS["curve_scenes"]))
        save()
        print(f"curves: {time.process_time() - start:.0f} s of processor time", flush=True)


if __name__ == "__main__":
    main()
