"""Measure a tiny CLIP on scenes kept aside: zero-shot by object, colour and background, crowded scenes, patches.

python runs/tiny_clip/measure.py src/tagalign/backbones/tiny --scenes 1000        (one JSON object on stdout)
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Callable

import numpy as np
import torch
from encoded import BATCH, chunks, embed_names, patch_classes, pixels
from torch import Tensor
from torch.nn import functional as F
from whole_picture import attention_shares, object_cosines

from tagalign.backbones.load import load_backbone
from tagalign.backbones.modes import DENSE_MODES
from tagalign.backbones.protocols import BlockBackbone
from tagalign.data.tiny_world import BACKGROUNDS, CLASS_SETS, COLORS, OBJECTS, PATTERNS, Scene, TinyWorld


def embed_images(clip: BlockBackbone, scenes: list[Scene]) -> Tensor:
    parts = [clip.project(clip.encode_dense(pixels(clip, chunk)).cls) for chunk in chunks(scenes)]
    return F.normalize(torch.cat(parts), dim=-1)


def accuracy(
    embeds: Tensor,
    clip: BlockBackbone,
    scenes: list[Scene],
    names: tuple[str, ...],
    truth: Callable[[Scene], str],
) -> dict[str, float]:
    """Percent right, overall and for each true name."""
    best = (embeds @ embed_names(clip, names).T).argmax(1).tolist()
    right: dict[str, list[bool]] = defaultdict(list)
    for index, scene in zip(best, scenes, strict=True):
        if truth(scene) in names:
            right[truth(scene)].append(names[index] == truth(scene))
    every = [value for values in right.values() for value in values]
    return {"all": percent(every)} | {name: percent(right[name]) for name in names if right[name]}


def percent(values: list[bool]) -> float:
    return round(100 * float(np.mean(values)), 1)


def patch_accuracy(clip: BlockBackbone, scenes: list[Scene], mode: str) -> dict[str, float]:
    """Percent of right patches: all classes compete, counted on objects and on backgrounds."""
    names = embed_names(clip, CLASS_SETS["all"])
    guesses = [
        (
            F.normalize(clip.project(clip.encode_dense(pixels(clip, chunk), mode=mode).patches), dim=-1)
            @ names.T
        ).argmax(-1)
        for chunk in chunks(scenes)
    ]
    right, truth = torch.cat(guesses), patch_classes(scenes, clip.patch_size)
    on_object = truth < len(OBJECTS)
    hits = right == truth
    return {
        "object": round(100 * float(hits[on_object].float().mean()), 1),
        "background": round(100 * float(hits[~on_object].float().mean()), 1),
    }


def probe_accuracy(clip: BlockBackbone, train: list[Scene], test: list[Scene], mode: str) -> dict[str, float]:
    """What a linear map fitted with true patch classes reads from the frozen patches: an upper mark, not a method."""

    def features(scenes: list[Scene]) -> Tensor:
        dense = torch.cat(
            [clip.encode_dense(pixels(clip, chunk), mode=mode).patches for chunk in chunks(scenes)]
        )
        return F.layer_norm(dense, dense.shape[-1:]).flatten(0, 1)

    x, y = (
        features(train),
        F.one_hot(patch_classes(train, clip.patch_size).flatten(), len(CLASS_SETS["all"])).float(),
    )
    # Ridge regression onto centred one-hot rows, weighted so that every class counts the same.
    weight = (1 / y.sum(0).clamp(min=1))[y.argmax(1)][:, None]
    x = F.pad(x, (0, 1), value=1.0)
    gram = x.T @ (weight * x) + 1e-3 * torch.eye(x.shape[1])
    solution = torch.linalg.solve(gram, x.T @ (weight * y))
    guess = (F.pad(features(test), (0, 1), value=1.0) @ solution).argmax(1)
    truth = patch_classes(test, clip.patch_size).flatten()
    on_object = truth < len(OBJECTS)
    return {
        "object": round(100 * float((guess == truth)[on_object].float().mean()), 1),
        "background": round(100 * float((guess == truth)[~on_object].float().mean()), 1),
    }


@torch.no_grad()
def measure(folder: str, count: int) -> dict[str, object]:
    clip = load_backbone(folder)
    easy = list(TinyWorld(seed=0, split="val", crowded=0.0).take(count))
    crowded = list(TinyWorld(seed=0, split="val-crowded", crowded=1.0).take(count))
    other = list(TinyWorld(seed=0, split="val", crowded=0.0, palette="other").take(count))
    train = list(TinyWorld(seed=0, split="probe", crowded=1.0).take(count))
    embeds = embed_images(clip, easy)
    top = (embed_images(clip, crowded) @ embed_names(clip, OBJECTS).T).argmax(1).tolist()
    other_embeds = embed_images(clip, other)
    return {
        "weights": clip.weight_hash,
        "scenes": count,
        "object": accuracy(embeds, clip, easy, OBJECTS, lambda s: s.layout.placed[0].name),
        "color": accuracy(embeds, clip, easy, COLORS, lambda s: s.layout.placed[0].color),
        "pattern": accuracy(embeds, clip, easy, PATTERNS[1:], lambda s: s.layout.placed[0].pattern),
        "background": accuracy(embeds, clip, easy, BACKGROUNDS["default"], lambda s: s.background),
        "other_object": accuracy(other_embeds, clip, other, OBJECTS, lambda s: s.layout.placed[0].name)[
            "all"
        ],
        "other_background": accuracy(other_embeds, clip, other, BACKGROUNDS["other"], lambda s: s.background)[
            "all"
        ],
        "crowded_top_present": percent(
            [OBJECTS[k] in s.tags.objects for k, s in zip(top, crowded, strict=True)]
        ),
        "crowded_chance": round(
            100 * float(np.mean([len(s.tags.objects) for s in crowded])) / len(OBJECTS), 1
        ),
        "patches": {mode: patch_accuracy(clip, crowded, mode) for mode in DENSE_MODES},
        "attention": attention_shares(clip, crowded[:BATCH]),
        "cosines": {mode: object_cosines(clip, crowded, mode) for mode in ("clip", "maskclip")},
        "probe": {mode: probe_accuracy(clip, train, crowded, mode) for mode in ("clip", "surgery")},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("--scenes", type=int, default=1000)
    args = parser.parse_args()
    print(json.dumps(measure(args.folder, args.scenes), indent=1))


if __name__ == "__main__":
    main()
