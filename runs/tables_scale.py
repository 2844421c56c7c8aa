"""Further tables on the tiny world: python runs/tables_scale.py TABLE [--seeds 0] (percent).

TABLE is `fractions` (gain of the tag loss at 1/8, 1/4, 1/2 and all of the data), `diht` (paper Table 4: tags on the class
embedding alone) or `groupvit` (paper Table 7: a GroupViT tower from scratch, captions alone against multi-tags; with
`--consistency` also with OVSegmentor's mask consistency).
Projectors have no blocks (a normalisation and one matrix), as in the table of losses. Writes docs/results/TABLE.json (and
TABLE.md beside it, for docs/results/tagalign.md). About 15, 2 and 20 minutes on two cores for one seed.
"""

import argparse
import dataclasses
import json
from collections.abc import Callable

import numpy as np
import torch
from tables_tiny import COLUMNS, OUT, QUICK, rows_markdown, say

from tagalign.backbones.load import load_backbone
from tagalign.backbones.pixels import to_tensor
from tagalign.backbones.protocols import BlockBackbone
from tagalign.cli.shared.run_record import git_commit
from tagalign.data.feature_pairs import FeaturePairs, encode_images
from tagalign.experiments import protocol
from tagalign.experiments.rows import BOTH, TableRow, method_of, vocabulary_of
from tagalign.experiments.scoring import RowScores, score
from tagalign.experiments.world import World, alt_texts, build_world, no_labels, picture, scenes
from tagalign.methods.dense.method import DenseMethod
from tagalign.methods.dense.options import DenseOptions
from tagalign.methods.groupvit import MODE
from tagalign.train.groupvit.consistency import ConsistencyPlan
from tagalign.train.groupvit.tower import GroupTower, pixel_pairs
from tagalign.train.groupvit.training import GroupVitPlan, train_groupvit
from tagalign.train.tagalign.plan import TagAlignPlan, TrainingPairs
from tagalign.train.tagalign.training import train_tagalign

KINDS = ("object", "attribute")
CAPTIONS = TableRow(name="captions", losses={"contrastive": 1.0})
TAGS = TableRow(name="captions and tags", losses=BOTH, kinds=KINDS)
GROUPVIT_STEPS, GROUPVIT_BATCH = 400, 64


def fractions(backbone: BlockBackbone, seed: int) -> dict[str, RowScores]:
    """Both trainings on the first n scenes; the steps stay the same, so small shares are seen more often."""
    world, found = build_world(backbone, QUICK, seed=seed), {}
    for parts in (8, 4, 2, 1):
        count = QUICK.train // parts
        part = dataclasses.replace(world, pairs=world.pairs.first(count), parses=world.parses[:count])
        for row in (CAPTIONS, TAGS):
            name = f"{row.name}, 1/{parts} of the data"
            found[name] = scored(method_of(row, backbone, part, QUICK), world, name, seed)
    return found


def diht(backbone: BlockBackbone, seed: int) -> dict[str, RowScores]:
    """A head trained on class embeddings with tags of whole images, asked for patches; and its zero-shot start."""
    world = build_world(backbone, QUICK, seed=seed)
    train = scenes(protocol.TRAIN_SPLIT, QUICK.train, seed=seed)
    store = encode_images(backbone, (picture(s) for s in train), mode="clip", cls_only=True)
    vocabulary = vocabulary_of(world, kinds=KINDS)
    pairs = FeaturePairs(
        store=store, images=np.arange(len(train)), texts=world.pairs.texts, labels=no_labels(len(train))
    ).relabel(vocabulary.label(world.parses, kinds=KINDS))
    trained = train_tagalign(
        backbone,
        TrainingPairs(pairs=pairs, vocabulary=vocabulary),
        TagAlignPlan(
            steps=QUICK.steps,
            batch_size=QUICK.batch_size,
            losses={"tag": 1.0},
            mode="clip",
            num_blocks=0,
            seed=seed,
        ),
    )
    plain = method_of(TableRow(name="clip", method="clip"), backbone, world, QUICK)
    return {
        "clip": scored(plain, world, "clip", seed),
        "DiHT-like: tags on the class embedding": scored(trained.method(backbone), world, "DiHT-like", seed),
        "TagAlign: tags on the mean of patches": scored(
            method_of(TableRow(name="tags", losses={"tag": 1.0}, kinds=KINDS), backbone, world, QUICK),
            world,
            "tags",
            seed,
        ),
    }


def groupvit(backbone: BlockBackbone, seed: int, *, consistency: bool = False) -> dict[str, RowScores]:
    """The same tower from scratch: captions alone, tags too, on request masks that agree across scenes."""
    world = build_world(backbone, QUICK, seed=seed)
    train = scenes(protocol.TRAIN_SPLIT, QUICK.train, seed=seed)
    assert tuple(world.captions) == alt_texts(train)
    pixels = torch.stack([to_tensor(picture(scene), backbone.preprocessing) for scene in train])
    vocabulary, found = vocabulary_of(world, kinds=KINDS), {}
    rows: list[tuple[str, TableRow, ConsistencyPlan | None]] = [
        (one.name, one, None) for one in (CAPTIONS, TAGS)
    ]
    if consistency:
        rows.append(("captions, tags and mask consistency", TAGS, ConsistencyPlan()))
    for name, row, masks in rows:
        labels = vocabulary.label(world.parses, kinds=KINDS)
        torch.manual_seed(seed)
        tower = GroupTower(image_size=pixels.shape[2], patch_size=backbone.patch_size, dim=backbone.embed_dim)
        trained = train_groupvit(
            backbone,
            TrainingPairs(
                pairs=pixel_pairs(pixels, world.pairs.relabel(labels)),
                vocabulary=vocabulary if row.kinds else None,
            ),
            tower,
            GroupVitPlan(
                steps=GROUPVIT_STEPS,
                batch_size=GROUPVIT_BATCH,
                losses=row.losses,
                seed=seed,
                consistency=masks,
            ),
        )
        method = DenseMethod(
            trained.encoder, DenseOptions(profile=protocol.PROFILE), method="groupvit", mode=MODE
        )
        found[f"GroupViT, {name}"] = scored(method, world, f"GroupViT, {name}", seed)
    return found


def scored(method: DenseMethod, world: World, name: str, seed: int) -> RowScores:
    """Score a method and say so."""
    scores = score(method, world.test, world.validation, name=name)
    say(seed=seed, row=name, **scores.segmentation)
    say(referring=scores.referring)
    return scores


TABLES: dict[str, Callable[..., dict[str, RowScores]]] = {
    "fractions": fractions,
    "diht": diht,
    "groupvit": groupvit,
}


def main() -> None:
    """Make one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", choices=TABLES)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--consistency", action="store_true", help="a row more in groupvit")
    arguments = parser.parse_args()
    backbone = load_backbone(arguments.model)
    if arguments.consistency and arguments.table != "groupvit":
        parser.error("--consistency belongs to groupvit")
    more = {"consistency": True} if arguments.consistency else {}
    runs = [TABLES[arguments.table](backbone, seed, **more) for seed in arguments.seeds]
    found = {name: [run[name] for run in runs] for name in runs[0]}
    settings = {
        "seeds": arguments.seeds,
        "sizes": dataclasses.asdict(QUICK),
        "groupvit": {"steps": GROUPVIT_STEPS, "batch_size": GROUPVIT_BATCH},
        "columns": {name: list(place) for name, place in COLUMNS.items()},
        "profile": protocol.PROFILE,
        "weights": backbone.weight_hash,
        "commit": git_commit(),
        "torch": torch.__version__,
    }
    values = {name: [dataclasses.asdict(run) for run in part] for name, part in found.items()}
    OUT.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"settings": settings, "values": values}, indent=1) + "\n"
    (OUT / f"{arguments.table}.json").write_text(text)
    markdown = rows_markdown(found)
    (OUT / f"{arguments.table}.md").write_text(markdown)
    print(markdown)


if __name__ == "__main__":
    main()
