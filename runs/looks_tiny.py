"""Tags of drawn scenes with and without a look at the folder they lie in: mAP, chosen on validation scenes, three seeds.

Rows: each tagger as it is, then SPARC's normalisation in both profiles, then PIAA on the tagger's patches; and CLIP's own
image embedding, which SPARC's paper is about. ``pooled`` is the average precision over all pairs of photo and label. The
folder is the scenes that are scored; no label of theirs is seen. About three minutes of one core.
Run: python runs/looks_tiny.py --out docs/results/looks.json
"""

import argparse
import statistics
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from tagalign.atomic import atomic_write
from tagalign.data.benchmarks.tiny import TinyTags, tiny_labels
from tagalign.data.tiny_world import TinyWorld
from tagalign.evaluate.tagging import average_precision, average_precisions, mean_average_precision
from tagalign.json_text import json_text
from tagalign.methods.load import load_method
from tagalign.methods.looks.look import lay_scores
from tagalign.methods.looks.profiles import look_profile
from tagalign.methods.piaa.classifier import PiaaClassifier, ScoreScales
from tagalign.methods.piaa.profiles import PROFILES
from tagalign.ops.looks.bank import Bank
from tagalign.ops.looks.standardise import standardise_columns

TAGGERS = ("clip", "tagclip", "surgery")
SEEDS = (0, 1, 2)
KEEPS = (32, 128, 512)
SCALES = ScoreScales(cls=80.0, patch=400.0, class_weight=0.1)
TEXT_SCALE = 60.0


def encode(methods: dict[str, Any], split: str, seed: int, count: int) -> dict[str, Any]:
    """Truth, scores and patches of some scenes by every tagger, and the embeddings of whole scenes."""
    world = TinyTags(name="tags", world=TinyWorld(seed=seed, split=split), scenes=count)
    photos = [world.image(i) for i in range(count)]
    found: dict[str, Any] = {
        "truth": torch.stack([torch.from_numpy(world.truth(i)).long() for i in range(count)])
    }
    for name, method in methods.items():
        labels = method.encode_labels(tiny_labels("objects"))
        images = method.encode_images(photos)
        scores = torch.tensor([method.tag(image, labels).scores for image in images])
        patches = [image.embeds if name == "tagclip" else image.views[0].embeds for image in images]
        text = labels.embeds[: len(labels.names)].float()
        found[name] = {"scores": scores, "patches": torch.stack(patches).float(), "text": text}
    dense = methods["clip"]
    pixels = [dense.canvas_rule.lay(photo, dense.preprocessing).pixels for photo in photos]
    with torch.inference_mode():
        found["whole"] = torch.cat([dense.backbone.embed_images(p[None]) for p in pixels]).float()
    return found


def percent(scores: Tensor, truth: Tensor) -> float:
    """MAP over the labels that occur."""
    return 100 * mean_average_precision(average_precisions(scores.float(), truth))


def pooled(scores: Tensor, truth: Tensor) -> float:
    """Average precision over all pairs: labels of one photo compete too."""
    return 100 * average_precision(scores.float().flatten(), truth.flatten())


def normalised(scores: Tensor, profile: str) -> Tensor:
    """As a look of these scenes lays them."""
    return standardise_columns(lay_scores(scores, look_profile(profile)))


def piaa(part: dict[str, Tensor], tokens: Tensor, profile: str, keep: int) -> tuple[Tensor, int]:
    """Scores of PIAA, and the number of labels without a patch."""
    banks = [
        Bank.of_photo(p, part["text"], photo=i, scale=TEXT_SCALE, keep=keep)
        for i, p in enumerate(part["patches"])
    ]
    total = banks[0]
    for bank in banks[1:]:
        total = (total + bank).surest(keep)
    classifier = PiaaClassifier.of(total, part["text"], PROFILES[profile], temperature=0.01)
    scores = torch.stack(
        [classifier.scores(p, t, SCALES) for p, t in zip(part["patches"], tokens, strict=True)]
    )
    if PROFILES[profile].by_text:
        scores = torch.where(classifier.is_dead, part["scores"].double(), scores)
    return scores, int(classifier.is_dead.sum())


def choose(found: dict[str, Any], name: str) -> dict[str, Any]:
    """Profile of PIAA and size of its bank, best on the validation scenes; and what each gave."""
    tried = {
        f"{profile}, k {keep}": percent(piaa(found[name], found["whole"], profile, keep)[0], found["truth"])
        for profile in PROFILES
        for keep in KEEPS
    }
    best = max(tried, key=lambda one: tried[one])
    profile, _, keep = best.partition(", k ")
    return {"profile": profile, "keep": int(keep), "tried": tried}


def rows_of(found: dict[str, Any], chosen: dict[str, Any]) -> dict[str, float]:
    """The numbers of one seed."""
    truth, rows = found["truth"], dict[str, float]()
    for name in TAGGERS:
        scores = found[name]["scores"]
        versions = {
            name: scores,
            **{f"{name} + SPARC, {p}": normalised(scores, p) for p in ("released", "fixed")},
        }
        by_patches = piaa(found[name], found["whole"], chosen[name]["profile"], chosen[name]["keep"])[0]
        rows |= _both({**versions, f"{name} + PIAA": by_patches}, truth)
    cosines = F.normalize(found["whole"], dim=1) @ F.normalize(found["clip"]["text"], dim=1).T
    return rows | _both(
        {"whole image": cosines, "whole image + SPARC": normalised(cosines, "released")}, truth
    )


def _both(versions: dict[str, Tensor], truth: Tensor) -> dict[str, float]:
    found = {name: percent(scores, truth) for name, scores in versions.items()}
    return found | {f"{name}, pooled": pooled(scores, truth) for name, scores in versions.items()}


def main() -> None:
    """Encode, choose, score, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/results/looks.json"))
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--scenes", type=int, default=150)
    given = parser.parse_args()
    methods = {name: load_method(given.model, method=name) for name in TAGGERS}
    validation = encode(methods, "validation", 0, given.scenes)
    chosen = {name: choose(validation, name) for name in TAGGERS}
    seeds = [rows_of(encode(methods, "test", seed, given.scenes), chosen) for seed in SEEDS]
    rows = {
        name: {"mean": statistics.fmean(values), "deviation": statistics.stdev(values), "seeds": values}
        for name in seeds[0]
        for values in [[seed[name] for seed in seeds]]
    }
    content = {
        "model": methods["clip"].describe(),
        "scenes": given.scenes,
        "seeds": list(SEEDS),
        "validation": rows_of(validation, chosen),
        "chosen": chosen,
        "rows": rows,
    }
    with atomic_write(given.out) as temp:
        temp.write_text(json_text(content, indent=1, default=str) + "\n", encoding="utf-8")
    for name, row in rows.items():
        print(f"{name:<36}{row['mean']:6.1f} +- {row['deviation']:.1f}")


if __name__ == "__main__":
    main()
