"""Tag2Text's directions as a fair test: python runs/tag2text_fair.py [--out FOLDER]; about five minutes of one quiet core.

Fig. 6 on the packaged model, with thresholds to .999 and what the guiding tags are worth beside what the captions are; and
retrieval with tags, with matching, with both. Three sets of drawn test scenes; the threshold that is called the best is
chosen on scenes kept aside. The directions of the tables with trainings are read from docs/results/tag2text.json.
Writes docs/results/tag2text-fair.json and docs/results/tag2text-fair.md; parts that OUT has are not measured again.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parent))
import tag2text_measure as measure
from tag2text_directions import claims, render
from tag2text_tables import LENGTH
from tag2text_world import WORDS, Split, make_split

from tagalign.atomic import atomic_write
from tagalign.backbones.load import load_backbone
from tagalign.cli.shared.run_record import git_commit
from tagalign.evaluate.tagging import precision_recall
from tagalign.json_text import json_text
from tagalign.methods.load import load_method
from tagalign.methods.tag2text.method import Tag2TextMethod

DOCS = Path(__file__).resolve().parents[1] / "docs" / "results"
SCENES, SEEDS, KEPT_ASIDE = 100, (0, 1, 2), 60
THRESHOLDS = (0.1, 0.3, 0.5, 0.7, 0.9, 0.95, 0.97, 0.99, 0.995, 0.997, 0.999)
RETRIEVAL = {
    "embeddings": (0.0, False),
    "embeddings and tags": (0.3, False),
    "embeddings, then matching": (0.0, True),
    "embeddings and tags, then matching": (0.3, True),
}
"""Weight of the tags (chosen in the first tables on scenes kept aside), and whether the matching head ranks the first 16."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "--out", type=Path, default=Path("tag2text-fair"), help="cached tokens, finished parts"
    )
    parser.add_argument("--docs", type=Path, default=DOCS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    method = load_method("tiny", method="tag2text")
    settings = {
        "model": "tiny",
        "weights": load_backbone("tiny").weight_hash,
        "scenes": SCENES,
        "seeds": list(SEEDS),
        "kept_aside": KEPT_ASIDE,
        "thresholds": list(THRESHOLDS),
        "caption_words": [LENGTH.minimum, LENGTH.maximum],
    }
    parts = {"kept aside": ("held-out", 0, KEPT_ASIDE)} | {
        f"test {seed}": ("test", seed, SCENES) for seed in SEEDS
    }
    found: dict[str, Any] = {"settings": settings, "commit": git_commit()}
    for name, (kind, seed, count) in parts.items():
        found[name] = kept(arguments.out / f"{name}.json", settings, method, (kind, seed, count))
    trained = json.loads((DOCS / "tag2text.json").read_text(encoding="utf-8"))
    found["claims"] = claims(found, trained)
    for name, text in (
        ("tag2text-fair.json", json_text(found, indent=1) + "\n"),
        ("tag2text-fair.md", render(found)),
    ):
        with atomic_write(arguments.docs / name) as path:
            path.write_text(text, encoding="utf-8")


def kept(
    path: Path, settings: dict[str, Any], method: Tag2TextMethod, part: tuple[str, int, int]
) -> dict[str, Any]:
    """One set of scenes, from OUT where it was measured under the same settings."""
    if path.exists():
        stored = json.loads(path.read_text())
        if stored["settings"] == settings:
            return stored["found"]
    kind, seed, count = part
    split = make_split(kind, count, seed=seed, cache=path.parent / "cache")
    images = measure.encode(method, split)
    found: dict[str, Any] = {"curve": [guided(method, images, split, t) for t in THRESHOLDS]}
    if kind == "test":
        found["retrieval"] = {
            name: measure.retrieval(method, images, split, tag_weight=weight, match=match)
            for name, (weight, match) in RETRIEVAL.items()
        }
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as temp:
        temp.write_text(json.dumps({"settings": settings, "found": found}, indent=1))
    print(f"{path.stem}: done", flush=True)
    return found


def guided(method: Tag2TextMethod, images: list[Any], split: Split, threshold: float) -> dict[str, float]:
    """Captions guided by the tags above one threshold, and precision and recall of those tags."""
    probs = measure.probs_of(images)
    chosen = probs > threshold
    tags = [[WORDS.names[i] for i in row.nonzero()[:, 0].tolist()] for row in chosen]
    own = precision_recall(chosen, split.truth.long(), average="micro")
    texts = measure.caption_all(method, images, tags)
    return {
        "threshold": threshold,
        "precision": 100 * own.precision,
        "recall": 100 * own.recall,
        "tags": float(chosen.sum(dim=1).float().mean()),
        **measure.captioning(texts, split),
    }


if __name__ == "__main__":
    main()
