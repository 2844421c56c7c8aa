"""Two trainings of a second or so, TrustyCLIP and Tag2Text, whose parts of a batch differ in what they hold."""

import numpy as np
import torch

from tagalign.backbones.load import load_backbone
from tagalign.backbones.preprocess import Preprocessing
from tagalign.data.tag2text.records import TaggedRecord
from tagalign.data.trusty.augment import Augmentation
from tagalign.data.trusty.sources import ClassSplit
from tagalign.methods.tag2text.build import build_tag2text
from tagalign.methods.tag2text.method import Tag2TextMethod
from tagalign.methods.tag2text.tag_choice import TagChoice
from tagalign.methods.tag2text.wordpieces import Wordpieces
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


def trusty(folder, processes, hooks, setting, **numbers):
    clip = load_backbone(str(folder))
    split = ClassSplit(names=("left", "right", "band"), unseen=(2,))
    plan = TrustyPlan(
        steps=4, batch_size=4, warmup=1, num_prompts=2, hidden=16, dropout=0.0, log_every=1, setting=setting,
        learning_rate=1e-3, augmentation=Augmentation(crop=16), **numbers,
    )  # fmt: skip
    data = MaskData(source=Bands(), split=split)
    return train_trusty(clip, data, plan, hooks=hooks, processes=processes).network


def tag2text(folder, processes, hooks, profile, **numbers):
    method = new_tag2text()
    plan = Tag2TextPlan(
        steps=3, batch_size=4, warmup=1, learning_rate=1e-3, log_every=1, clip_norm=1.0,
        profile="fixed" if profile == "momentum" else profile, **numbers,
    )  # fmt: skip
    momentum = MomentumPlan(queue=6, momentum=0.5) if profile == "momentum" else None
    tasks = Tasks(weights=EVERY_TASK, recognised_share=0.4, momentum=momentum)
    train_tag2text(method, Pictures(), plan, tasks=tasks, hooks=hooks, processes=processes)
    return method.model


TRAININGS = {"trusty": trusty, "tag2text": tag2text}
