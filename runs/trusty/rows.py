"""What the TrustyCLIP tables of the tiny world are made of: settings fixed before the first result, and one run per row."""

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from scenes import drawn, keep_blocks
from torch import Tensor

from tagalign.atomic import atomic_write
from tagalign.backbones.protocols import BlockBackbone
from tagalign.data.benchmarks.tiny import TinySegmentation
from tagalign.data.tiny_world import UNSEEN, TinyWorld
from tagalign.data.trusty.augment import Augmentation
from tagalign.data.trusty.sources import ClassSplit
from tagalign.evaluate.segmentation import Confusion
from tagalign.labels import IGNORE, LabelSet
from tagalign.methods.trusty.method import TrustyClip
from tagalign.methods.trusty.network import TrustyNetwork
from tagalign.ops.mask_losses import MaskLossWeights
from tagalign.train.trusty.plan import TrustyPlan
from tagalign.train.trusty.trainee import MaskData, new_network
from tagalign.train.trusty.training import train_trusty

SETTINGS: dict[str, Any] = {
    "backbone": "tiny",
    "train": {"split": "train", "scenes": 1000, "crowded": 1.0},
    "test": {"split": "test", "scenes": 120, "crowded": 0.7},
    "validation": {"split": "validation", "scenes": 100, "crowded": 0.7},
    "crop": 80,
    "scale": [1.0, 1.0],
    "steps": 3000,
    "batch_size": 8,
    "learning_rate": 3e-3,
    "warmup": 40,
    "dropout": 0.0,
    "num_prompts": 0,
    "ignored": "masked",
    "hidden": 512,
    "profile": "fixed",
    "short_side": 80,
    "window": "whole image",
    "template": "a photo of a {}",
}
"""Chosen on validation scenes by the seen classes of the baseline alone (docs/LOG.md): whole scenes of several objects,
ignored pixels do not count, no dropout in so few steps, and no prompts, because without them what the frozen encoder says
about a scene is computed once and a step costs a third. 3,000 steps: after 600 a scene still gets one answer."""


@dataclass(frozen=True)
class Row:
    """One training of a table.

    Attributes:
        classes: ``objects`` (background pixels are ignored, as in the paper's VOC) or ``all`` (every pixel has a class,
            as in COCO-Stuff).
        setting: ``inductive``, ``transductive`` or ``supervised``.
        target: trusty target.
        token: with a trusty token.
        learner: input of the trusty learner, or ``none``.
        gamma: weight of the trusty loss.
        ignored: what ignored pixels do; None as in the settings.
        head: ``random`` weights, as the paper's, or the encoder's ``cosine`` behind a gate.
        dropout: None as in the settings.
        learning_rate: likewise.
        hidden_names: seen classes that this row treats as unseen; the unseen ones are then ignored and not asked.
        num_prompts: None as in the settings.
    """

    classes: str = "objects"
    setting: str = "inductive"
    target: str = "strict"
    token: bool = True
    learner: str = "relation"
    gamma: float = 10.0
    ignored: str | None = None
    head: str = "random"
    dropout: float | None = None
    learning_rate: float | None = None
    hidden_names: tuple[str, ...] = ()
    num_prompts: int | None = None


LATER = {
    "head": "random", "dropout": None, "learning_rate": None, "hidden_names": (), "num_prompts": None,
}  # fmt: skip


@dataclass(frozen=True)
class Bench:
    """Backbone, data and the folder where finished rows are kept, so that a stopped script goes on."""

    clip: BlockBackbone
    folder: Path
    settings: dict[str, Any] = field(default_factory=lambda: SETTINGS)
    finished_only: bool = False

    def run(
        self, row: Row, seed: int, more: Callable[[TrustyClip], dict[str, Any]] | None = None
    ) -> dict[str, Any] | None:
        """Train and score one row, or read what an earlier call found; None if it is not there and ``finished_only``.

        ``more`` adds what it finds in the trained model.
        """
        said = {
            k: v for k, v in row.__dict__.items() if v != LATER.get(k, ...)
        }  # rows of before keep their names
        values = {
            "row": said,
            "seed": seed,
            "settings": self.settings,
            "backbone": self.clip.weight_hash,
        }
        name = hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]
        path = self.folder / f"{name}.json"
        if path.exists():
            found: dict[str, Any] = json.loads(path.read_text())
            return found
        if self.finished_only:
            return None
        start = time.process_time()
        model = self.train(row, seed)
        trained_s = time.process_time() - start
        scores = self.score(model, row)
        found = {**values, "scores": scores, "train_cpu_s": trained_s, "cpu_s": time.process_time() - start}
        found |= {} if more is None else more(model)
        with atomic_write(path) as temp:
            temp.write_text(json.dumps(found, indent=1))
        best = scores["weighted"] or scores["plain"]
        shown = {name: round(best[name], 1) for name in ("pacc", "seen", "unseen", "hiou")}
        print(f"{row} seed {seed}: {json.dumps(shown)} ({found['cpu_s']:.0f} CPU s)", flush=True)
        return found

    def train(self, row: Row, seed: int) -> TrustyClip:
        """One training."""
        data, plan = self.data("train", row.classes, seed=seed), self.plan(row, seed)
        source, network = drawn("train", row.classes, seed, data), start_network(self.clip, plan, row.head)
        if plan.num_prompts == 0:
            keep_blocks(self.clip, network, source, seed, mirrored=plan.augmentation.flip > 0)
        pairs = MaskData(source=source, split=split_of(data, row.hidden_names))
        return train_trusty(self.clip, pairs, plan, start=network)

    def plan(self, row: Row, seed: int) -> TrustyPlan:
        """The plan of a row."""
        s = self.settings
        return TrustyPlan(
            setting=row.setting,
            trusty_target=row.target,
            profile=s["profile"],
            steps=s["steps"],
            batch_size=s["batch_size"],
            learning_rate=s["learning_rate"] if row.learning_rate is None else row.learning_rate,
            warmup=s["warmup"],
            hidden=s["hidden"],
            dropout=s["dropout"] if row.dropout is None else row.dropout,
            num_prompts=s["num_prompts"] if row.num_prompts is None else row.num_prompts,
            trusty_token=row.token,
            learner=row.learner,
            ignored=row.ignored or s["ignored"],
            weights=MaskLossWeights(trusty=row.gamma),
            augmentation=Augmentation(
                crop=s["crop"], scale=tuple(s["scale"]), colors=0.0, flip=s.get("flip", 0.5)
            ),
            seed=seed,
        )

    def data(self, part: str, classes: str, *, seed: int = 0, palette: str = "default") -> TinySegmentation:
        """Scenes of a part; training scenes differ from seed to seed, test scenes do not."""
        spec = self.settings[part]
        world = TinyWorld(seed=seed, split=spec["split"], crowded=spec["crowded"], palette=palette)
        return TinySegmentation(name="tiny-world", world=world, scenes=spec["scenes"], class_set=classes)

    def score(self, model: TrustyClip, row: Row, part: str = "test") -> dict[str, Any]:
        """Scores with and without the trusty map; for ``all`` also on scenes of the other palette."""
        scores = self.score_on(model, self.data(part, row.classes), hidden_names=row.hidden_names)
        if row.classes == "all" and row.setting == "inductive":
            other = self.data(part, "all-other", palette="other")
            scores["cross"] = self.score_on(model, other, everything_seen=True)["plain"]
        return scores

    def score_on(
        self,
        model: TrustyClip,
        data: TinySegmentation,
        *,
        everything_seen: bool = False,
        hidden_names: tuple[str, ...] = (),
    ) -> dict[str, Any]:
        """Scores of one model on one set: ``plain`` without weighting, ``weighted`` with, where there is a token."""
        asked_set, place = asked_labels(data, hidden_names)
        names = list(asked_set.names)
        split = ClassSplit(
            names=tuple(names), unseen=tuple(names.index(n) for n in names if n in (hidden_names or UNSEEN))
        )
        answer = replace_options(model, short_side=self.settings["short_side"])
        if everything_seen:
            answer = replace_options(answer, seen=names)
        scenes = drawn("test", data.class_set, data.world.split, data)
        images = [Image.fromarray(scenes[i][0]) for i in range(len(data))]
        targets = [place[torch.from_numpy(scenes[i][1])] for i in range(len(data))]
        encoded = encode(answer, images)
        has_token = model.network.sizes.has_token and model.trained_with["setting"] == "inductive"
        ways = {"plain": "auto" if everything_seen or not has_token else "none"}
        if has_token and not everything_seen:
            ways["weighted"] = "both"
        scores: dict[str, Any] = {"weighted": None}
        for way, weighting in ways.items():
            asked = replace_options(answer, weighting=weighting)
            labels = asked.encode_labels(asked_set)
            confusion = Confusion(len(names))
            for image, target in zip(encoded, targets, strict=True):
                confusion.update(asked.segment(image, labels).labels, target)
            scores[way] = summary(confusion, split)
        return scores


def summary(confusion: Confusion, split: ClassSplit) -> dict[str, Any]:
    """The paper's numbers, in percent."""
    return {
        "pacc": 100 * confusion.pixel_accuracy(),
        "miou": 100 * confusion.miou(),
        "macc": 100 * confusion.mean_accuracy(),
        "seen": 100 * confusion.miou_seen(split.seen),
        "unseen": 100 * confusion.miou_unseen(split.seen),
        "hiou": 100 * confusion.hiou(split.seen),
        "per_class": {n: 100 * v for n, v in zip(split.names, confusion.iou().tolist(), strict=True)},
    }


def split_of(data: TinySegmentation, hidden_names: tuple[str, ...] = ()) -> ClassSplit:
    """The tiny world's unseen classes, and seen ones that are hidden too."""
    names = data.labels.names
    hidden = (*UNSEEN, *hidden_names)
    return ClassSplit(names=names, unseen=tuple(names.index(n) for n in names if n in hidden))


def asked_labels(data: TinySegmentation, hidden_names: tuple[str, ...]) -> tuple[LabelSet, Tensor]:
    """The names that are asked, and by true id the place among them, 255 for those that are not.

    All of them; where seen classes play the unseen ones, the unseen ones themselves are left out: nothing is chosen on them.
    """
    left_out = UNSEEN if hidden_names else ()
    kept = tuple(label for label in data.labels.labels if label.name not in left_out)
    place = torch.full((IGNORE + 1,), IGNORE)
    for i, label in enumerate(kept):
        place[data.labels.names.index(label.name)] = i
    return replace(data.labels, labels=kept), place


def start_network(clip: BlockBackbone, plan: TrustyPlan, head: str) -> TrustyNetwork:
    """An untrained network of profile ``fixed``, with the head that the row names; the same for the same seed."""
    network = new_network(clip, plan)
    if head == "cosine":
        return network
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(plan.seed)
        return TrustyNetwork(replace(network.sizes, starts_at_cosine=False), dropout=plan.dropout)


def replace_options(model: TrustyClip, **options: Any) -> TrustyClip:
    """The same trained model with other options of inference."""
    kept = replace(model.options, window=0, stride=None, **options)
    return TrustyClip(
        model.backbone,
        model.network,
        kept,
        profile=model.profile,
        trained=model.trained,
        templates=model.templates,
        trained_with=model.trained_with,
    )


def encode(model: TrustyClip, images: Sequence[Image.Image], batch: int = 25) -> list[Any]:
    """Encode in batches."""
    return [
        value for i in range(0, len(images), batch) for value in model.encode_images(images[i : i + batch])
    ]


def mean_std(values: Sequence[float]) -> tuple[float, float]:
    """Mean and sample standard deviation (0 for a single value)."""
    return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
