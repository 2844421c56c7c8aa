"""Words that exclude and words that belong together, on drawn scenes: ``docs/results/words.md``.

Half of the objects are labels, the others stand in the scenes unasked. On validation scenes of a seed the eight pairs are
named where a label came out although it is not there and an unasked object fits better at the label's best place; on test
scenes it is counted how often that happens, without and with ``label; not object``.

    python runs/words.py --scenes 100
"""

import dataclasses
from collections import Counter
from collections.abc import Sequence

import torch
import torch.nn.functional as F
import tyro
from PIL import Image

import tagalign as ta
from tagalign.data.tiny_world import OBJECTS, SYNONYMS, Scene, TinyWorld
from tagalign.methods.label_rows import best_rows, mean_rows
from tagalign.tags.label_sets import load_label_set

ASKED, UNASKED = OBJECTS[::2], OBJECTS[1::2]
PAIRS = 8


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """What is measured."""

    scenes: int = 100
    """Of each split."""
    seeds: tuple[int, ...] = (0, 1, 2)
    models: tuple[str, ...] = ("tiny", "tiny-plain")
    methods: tuple[str, ...] = ("maskclip", "tagclip")


def main(settings: Settings) -> None:
    """Print both tables."""
    torch.manual_seed(0)
    print("| encoder | method | seed | wrong tags | with negatives | right tags | with negatives |")
    print("|---|---|---|---|---|---|---|")
    for model in settings.models:
        for method in settings.methods:
            for seed in settings.seeds:
                print(negatives_row(model, method, seed, settings.scenes), flush=True)
    print(
        "\n| encoder | seed | words | mean average precision of tags | pixels of objects right |\n|---|---|---|---|---|"
    )
    for model in settings.models:
        for seed in settings.seeds:
            for row in synonym_rows(model, seed, settings.scenes):
                print(row, flush=True)


def negatives_row(name: str, method: str, seed: int, count: int) -> str:
    """One row of the first table."""
    model = ta.load(name, method=method)
    plain = model.encode_labels(load_label_set(list(ASKED)))
    pairs = named_pairs(name, method, seed, count)
    lines = []
    for one in ASKED:
        words = [b for a, b in pairs if a == one]
        lines.append(one + ("; not " + ", ".join(words) if words else ""))
    worded = model.encode_labels(load_label_set(lines))
    scenes = list(TinyWorld(seed=seed, split="test").take(count))
    wrong, right = Counter[str](), Counter[str]()
    for chunk in chunks(scenes):
        for scene, image in zip(chunk, model.encode_images(pictures(chunk)), strict=True):
            there = present(scene)
            for how, labels in (("without", plain), ("with", worded)):
                tags = set(model.tag(image, labels).tags)
                wrong[how] += sum(a in tags and a not in there and b in there for a, b in pairs)
                right[how] += len(tags & there & {a for a, _ in pairs})
    cells = (name, method, seed, wrong["without"], wrong["with"], right["without"], right["with"])
    return f"| {' | '.join(map(str, cells))} |"


def named_pairs(name: str, method: str, seed: int, count: int) -> list[tuple[str, str]]:
    """What a person would name after a look at the wrong tags of validation scenes."""
    model = ta.load(name, method=method)
    dense = ta.load(name, method="maskclip")
    labels, every = model.encode_labels(list(ASKED)), dense.encode_labels(list(OBJECTS)).embeds
    found = Counter[tuple[str, str]]()
    for chunk in chunks(list(TinyWorld(seed=seed, split="validation").take(count))):
        images, views = model.encode_images(pictures(chunk)), dense.encode_images(pictures(chunk))
        for scene, image, view in zip(chunk, images, views, strict=True):
            there = present(scene)
            cosine = F.normalize(view.views[0].embeds.float(), dim=-1) @ every.T
            for tag in set(model.tag(image, labels).tags) - there:
                at = cosine[cosine[:, OBJECTS.index(tag)].argmax()]
                worse = [b for b in UNASKED if b in there and at[OBJECTS.index(b)] > at[OBJECTS.index(tag)]]
                found.update((tag, b) for b in worse)
    return [pair for pair, _ in sorted(found.items(), key=lambda item: (-item[1], item[0]))[:PAIRS]]


def synonym_rows(name: str, seed: int, count: int) -> list[str]:
    """Names alone, the best of their words, the mean of their words; validation scenes, for this is a choice."""
    model = ta.load(name, method="maskclip")
    words = [(i, word) for i, one in enumerate(OBJECTS) for word in (one, *SYNONYMS.get(one, ()))]
    embeds = model.encode_labels([word for _, word in words]).embeds
    owners = torch.tensor([i for i, _ in words])
    first = torch.tensor([[i for i, _ in words].index(k) for k in range(len(OBJECTS))])
    scale = model.implementation.logit_scale  # type: ignore[attr-defined]
    scores = {how: list[torch.Tensor]() for how in ("name", "best word", "mean of the words")}
    right, truth = {how: list[float]() for how in scores}, list[list[bool]]()
    for chunk in chunks(list(TinyWorld(seed=seed, split="validation").take(count))):
        for scene, image in zip(chunk, model.encode_images(pictures(chunk)), strict=True):
            view = image.views[0]
            patches = F.normalize(view.embeds.float(), dim=-1)
            maps = {
                "name": embeds[first] @ patches.T,
                "best word": best_rows(embeds @ patches.T, owners, len(OBJECTS)),
                "mean of the words": mean_rows(embeds, owners, len(OBJECTS)) @ patches.T,
            }
            target = torch.full(scene.image.shape[:2], -1)
            for one in scene.instances:
                target[torch.from_numpy(one.mask)] = OBJECTS.index(one.name)
            truth.append([one in present(scene) for one in OBJECTS])
            for how, cosine in maps.items():
                scores[how].append((scale * cosine).softmax(dim=0).amax(dim=1))
                up = F.interpolate(cosine.unflatten(1, view.grid)[None], size=target.shape, mode="bilinear")[
                    0
                ].argmax(0)
                right[how].append(float((up == target)[target >= 0].float().mean()))
    wanted = torch.tensor(truth)
    return [
        f"| {name} | {seed} | {how} | {100 * mean_precision(torch.stack(scores[how]), wanted):.1f} | "
        f"{100 * sum(right[how]) / len(right[how]):.1f} |"
        for how in scores
    ]


def mean_precision(scores: torch.Tensor, truth: torch.Tensor) -> float:
    """Mean over labels of the average precision of photos."""
    found = []
    for column, wanted in zip(scores.T, truth.T, strict=True):
        hits = wanted[column.argsort(descending=True, stable=True)].float()
        if hits.any():
            found.append(float((hits.cumsum(0) / torch.arange(1, len(hits) + 1))[hits > 0].mean()))
    return sum(found) / len(found)


def present(scene: Scene) -> set[str]:
    """Kinds of objects that one sees."""
    return {one.name for one in scene.instances}


def pictures(scenes: Sequence[Scene]) -> list[Image.Image]:
    """The drawings."""
    return [Image.fromarray(scene.image) for scene in scenes]


def chunks(scenes: Sequence[Scene], size: int = 25) -> list[Sequence[Scene]]:
    """Few at a time: encoded images are larger than drawings."""
    return [scenes[i : i + size] for i in range(0, len(scenes), size)]


if __name__ == "__main__":
    main(tyro.cli(Settings))
