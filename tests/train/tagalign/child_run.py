"""A training run in a process of its own, for tests that kill it or start two of it: child_run.py CLIP OUT STEPS PAUSE."""

import sys
import time

import torch
from small_training import make_pairs, make_vocabulary

from tagalign.backbones.load import load_backbone
from tagalign.train.loop.distributed import join_world
from tagalign.train.loop.guards import stop_on_signals
from tagalign.train.loop.plan import Hooks
from tagalign.train.tagalign.plan import TagAlignPlan, TrainingPairs
from tagalign.train.tagalign.training import train_tagalign


def main(clip: str, out: str, steps: str, pause: str) -> None:
    torch.set_num_threads(1)
    backbone = load_backbone(clip)
    with join_world("cpu") as processes, stop_on_signals() as stop:
        train_tagalign(
            backbone,
            TrainingPairs(pairs=make_pairs(backbone.width, backbone.embed_dim), vocabulary=make_vocabulary()),
            TagAlignPlan(steps=int(steps), batch_size=8, log_every=1, checkpoint_every=3),
            out_dir=out,
            hooks=Hooks(progress=lambda *_: time.sleep(float(pause)), stop=stop),
            processes=processes,
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
