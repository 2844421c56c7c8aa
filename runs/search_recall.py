"""Recall@k of search between scenes and their first caption, for any models: python runs/search_recall.py MODEL[:METHOD] ...

Embeddings alone, as `tagalign search` compares them, on test scenes of the tiny world. One line of JSON per model, e.g. for
`tiny:clip`, a TagAlign folder, a Tag2Text folder, or `tagalign`, which trains a projector on drawn scenes first (three
minutes). A tie counts against the model. About 20 s for 200 scenes.
"""

import argparse
import json

import torch

from tagalign.backbones.load import load_backbone
from tagalign.evaluate.retrieval import recalls
from tagalign.experiments.protocol import TEST_SPLIT
from tagalign.experiments.rows import TRAINED, method_of
from tagalign.experiments.world import Sizes, build_world, picture, scenes
from tagalign.methods.dense.method import DenseMethod
from tagalign.methods.load import load_method
from tagalign.tasks.search.rankers import ranker_for


def trained() -> DenseMethod:
    """TagAlign with the settings of the head table (`runs/tables_tiny.py`), seed 0."""
    backbone, sizes = load_backbone("tiny"), Sizes()
    row = next(row for row in TRAINED if row.name == "tagalign-objects")
    return method_of(row, backbone, build_world(backbone, sizes, seed=0), sizes)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", nargs="+", help="tiny:clip, or a trained folder")
    parser.add_argument("--scenes", type=int, default=200)
    args = parser.parse_args()
    torch.set_num_threads(1)
    test = scenes(TEST_SPLIT, args.scenes, seed=0)
    photos = [picture(scene) for scene in test]
    texts = [scene.captions[0] for scene in test]
    for name in args.models:
        model, _, method = name.partition(":")
        opened = trained() if name == "tagalign" else load_method(model, method=method or None, device="cpu")
        ranker = ranker_for(opened)
        found = [
            ranked for i in range(0, len(photos), 20) for ranked in ranker.embed_photos(photos[i : i + 20])
        ]
        scores = torch.stack([ranked.embed for ranked in found]) @ ranker.embed_texts(texts).T
        numbers = recalls(scores, torch.arange(len(test)), ks=(1, 5, 10))
        shown = {key: round(100 * value, 1) for key, value in numbers.items()}
        print(
            json.dumps({"model": name, "weights": opened.describe().get("weight_hash"), **shown}), flush=True
        )


if __name__ == "__main__":
    main()
