"""TrustyCLIP and Tag2Text in two processes: losses, gradients and weights are those of one process, to rounding.

Under torchrun itself, and in two threads, which is the same arithmetic in a second.
"""

import os
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch
from thread_world import ThreadWorld

from tagalign.backbones.load import load_backbone
from tagalign.backbones.preprocess import Preprocessing
from tagalign.data.processes import Processes
from tagalign.data.tag2text.records import TaggedRecord
from tagalign.data.trusty.augment import Augmentation
from tagalign.data.trusty.sources import ClassSplit
from tagalign.methods.tag2text.build import build_tag2text
from tagalign.methods.tag2text.method import Tag2TextMethod
from tagalign.methods.tag2text.tag_choice import TagChoice
from tagalign.methods.tag2text.wordpieces import Wordpieces
from tagalign.testing.clip_folder import make_clip_folder
from tagalign.train.loop import distributed
from tagalign.train.loop.distributed import join_world
from tagalign.train.loop.plan import Hooks
from tagalign.train.tag2text.losses import Tasks
from tagalign.train.tag2text.momentum import MomentumPlan
from tagalign.train.tag2text.plan import Tag2TextPlan
from tagalign.train.tag2text.training import train_tag2text
from tagalign.train.trusty.plan import TrustyPlan
from tagalign.train.trusty.trainee import MaskData
from tagalign.train.trusty.training import train_trusty

NAMES = ("dog", "cat", "grass", "red", "train")
CAPTIONS = ("a red dog", "a cat on the grass", "the train", "dog and cat", "a red train on grass", "grass")
WORDS = Wordpieces.from_texts(["a picture of | the on and what is there", *CAPTIONS, *NAMES])
EVERY_TASK = {"tagging": 1.0, "captioning": 1.0, "contrastive": 1.0, "matching": 1.0, "answering": 1.0}

TIMEOUT_S = 240  # a busy machine; an idle one needs ten seconds


class Bands:
    """Six small images with one, two or three classes, so that the processes hold different numbers of masks."""

    def __len__(self):
        return 6

    def __getitem__(self, index):
        labels = np.zeros((16, 16), dtype=np.int64)
        labels[:, 8:] = index % 3
        labels[:4] = index % 2
        pixels = np.random.default_rng(index).integers(0, 60, (16, 16, 3)).astype(np.uint8)
        return pixels + np.array([40, 90, 150], np.uint8)[labels][..., None], labels


class Pictures:
    """Six random pictures as pixels; the image encoder is trained, so gradients flow between the processes."""

    are_tokens = False

    def __init__(self):
        tags = [tuple(i for i, name in enumerate(NAMES) if name in text) for text in CAPTIONS]
        self.records = [
            TaggedRecord(key=text, image="", captions=(text,), tags=(ids,))
            for text, ids in zip(CAPTIONS, tags, strict=True)
        ]
        self.questions = [[("what is there", text)] for text in CAPTIONS]
        self._pixels = torch.randn(6, 3, 16, 16, generator=torch.Generator().manual_seed(0))

    def images(self, rows, seeds):
        return self._pixels[list(rows)]


def new_tag2text():
    text = {
        "vocab_size": len(WORDS), "hidden_size": 12, "num_hidden_layers": 1, "num_attention_heads": 2,
        "intermediate_size": 16, "max_position_embeddings": 96, "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
    }  # fmt: skip
    vit = {"image_size": 16, "patch_size": 8, "hidden_size": 8, "num_hidden_layers": 1}
    vit |= {"num_attention_heads": 2, "intermediate_size": 8}
    model = build_tag2text(
        num_tags=len(NAMES),
        image_encoder={"kind": "vit", "config": vit},
        tag_encoder={**text, "encoder_hidden_size": 8},
        text_decoder={**text, "encoder_hidden_size": 12},
        tag_head={"num_heads": 2},
        alignment={"embed_dim": 6},
        seed=0,
    )
    pixels, choice = Preprocessing(image_size=16), TagChoice.of(len(NAMES), default=0.5)
    return Tag2TextMethod(model, WORDS, NAMES, choice=choice, preprocessing=pixels)


def trusty(folder, processes, hooks, setting):
    clip = load_backbone(str(folder))
    split = ClassSplit(names=("left", "right", "band"), unseen=(2,))
    plan = TrustyPlan(
        steps=4, batch_size=4, warmup=1, num_prompts=2, hidden=16, dropout=0.0, log_every=1, setting=setting,
        learning_rate=1e-3, augmentation=Augmentation(crop=16),
    )  # fmt: skip
    data = MaskData(source=Bands(), split=split)
    return train_trusty(clip, data, plan, hooks=hooks, processes=processes).network


def tag2text(folder, processes, hooks, profile):
    method = new_tag2text()
    plan = Tag2TextPlan(
        steps=3, batch_size=4, warmup=1, learning_rate=1e-3, log_every=1, clip_norm=1.0,
        profile="fixed" if profile == "momentum" else profile,
    )  # fmt: skip
    momentum = MomentumPlan(queue=6, momentum=0.5) if profile == "momentum" else None
    tasks = Tasks(weights=EVERY_TASK, recognised_share=0.4, momentum=momentum)
    train_tag2text(method, Pictures(), plan, tasks=tasks, hooks=hooks, processes=processes)
    return method.model


TRAININGS = {"trusty": trusty, "tag2text": tag2text}


def train(kind, folder, choice, world=None):
    """Weights, and the numbers logged at every step; in the world of the environment or a given one."""
    torch.set_num_threads(1)
    rows = []
    with join_world("cpu") if world is None else nullcontext(world) as processes:
        hooks = Hooks(progress=lambda step, steps, shown: rows.append(dict(shown)))
        module = TRAININGS[kind](folder, processes, hooks, choice)
    return {name: p.detach() for name, p in module.named_parameters()}, rows


def torchrun(out, arguments):
    """This file in two processes, see the end; each leaves ``RANK.pt`` in ``out``."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [*launcher, __file__, *map(str, arguments), str(out)],
        env=environment,
        capture_output=True,
        timeout=TIMEOUT_S,
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    return [torch.load(out / f"{rank}.pt") for rank in (0, 1)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    sizes = {"width": 16, "layers": 2, "dim": 8, "image_size": 16, "text_layers": 1}
    return make_clip_folder(tmp_path_factory.mktemp("small"), **sizes)


RUNS = pytest.mark.parametrize(
    ("kind", "choice"),
    [
        ("trusty", "inductive"),
        ("trusty", "transductive"),
        ("tag2text", "fixed"),
        ("tag2text", "released"),
        ("tag2text", "momentum"),
    ],
)


@pytest.mark.slow
@RUNS
def test_two_processes_under_torchrun_train_like_one(folder, tmp_path, kind, choice):
    check_like_one(*torchrun(tmp_path, (kind, folder, choice)), train(kind, folder, choice))


@RUNS
def test_two_threads_train_like_one(folder, monkeypatch, kind, choice):
    world = ThreadWorld(2)
    monkeypatch.setattr(distributed, "dist", world)
    both = world.run(lambda rank: train(kind, folder, choice, Processes(rank=rank, size=2)))
    check_like_one(*both, train(kind, folder, choice))


def check_like_one(first, second, one):
    (own, own_rows), (other, _), (weights, rows) = first, second, one
    assert all(torch.equal(value, other[name]) for name, value in own.items())
    assert len(own_rows) == len(rows)
    for ours, theirs in zip(own_rows, rows, strict=True):
        for name in theirs.keys() - {"images_per_s"}:
            # float32 sums over the batch in two halves: 1e-6 of their size, some digits lost in steps of Adam
            assert ours[name] == pytest.approx(theirs[name], rel=1e-4, abs=1e-6), name
    both, one = (torch.cat([w[name].flatten() for name in weights]) for w in (own, weights))
    # Adam divides by the size of a gradient: the few that are rounding noise, and nothing else, may take another way
    assert ((both - one).abs() > 1e-4).float().mean() < 0.01


if __name__ == "__main__":
    out = Path(sys.argv[4]) / f"{os.environ['RANK']}.pt"
    torch.save(train(sys.argv[1], Path(sys.argv[2]), sys.argv[3]), out)
