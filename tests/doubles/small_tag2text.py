"""A Tag2Text of two layers, five captions and frozen tokens: what training is tried on."""

import torch

from tagalign.backbones.preprocess import Preprocessing
from tagalign.data.tag2text.batches import TokenData
from tagalign.data.tag2text.records import TaggedRecord
from tagalign.methods.tag2text.build import build_tag2text
from tagalign.methods.tag2text.method import Tag2TextMethod
from tagalign.methods.tag2text.tag_choice import TagChoice
from tagalign.methods.tag2text.wordpieces import Wordpieces

NAMES = ("dog", "cat", "grass", "red", "train")
CAPTIONS = ("a red dog.", "A cat on the grass!", "the train", "dog and cat", "a red train on grass")
WORDS = Wordpieces.from_texts(["a picture of | the on and what is there", *CAPTIONS, *NAMES])


def new_model(seed=0):
    text = {
        "vocab_size": len(WORDS), "hidden_size": 12, "num_hidden_layers": 2, "num_attention_heads": 2,
        "intermediate_size": 16, "max_position_embeddings": 96, "hidden_dropout_prob": 0.1,
    }  # fmt: skip
    vit = {
        "image_size": 8,
        "patch_size": 8,
        "hidden_size": 8,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
    }
    return build_tag2text(
        num_tags=len(NAMES),
        image_encoder={"kind": "vit", "config": {**vit, "intermediate_size": 8}},
        tag_encoder={**text, "encoder_hidden_size": 8},
        text_decoder={**text, "encoder_hidden_size": 12},
        tag_head={"num_heads": 2},
        alignment={"embed_dim": 6},
        seed=seed,
    )


def new_data(count=10):
    tags = [[i for i, name in enumerate(NAMES) if name in text] for text in CAPTIONS]
    pairs = list(zip(CAPTIONS, map(tuple, tags), strict=True))
    records = [
        TaggedRecord(
            key=str(i),
            image="",
            captions=(pairs[i % 5][0], pairs[(i + 1) % 5][0]),
            tags=(pairs[i % 5][1], pairs[(i + 1) % 5][1]),
        )
        for i in range(count)
    ]
    tokens = torch.randn(count, 4, 8, generator=torch.Generator().manual_seed(0))
    return TokenData(tokens=tokens, records=records, questions=[[("what is there", "dog")]] * count)


def as_method(model):
    choice, pixels = TagChoice.of(len(NAMES)), Preprocessing(image_size=8)
    return Tag2TextMethod(model, WORDS, NAMES, choice=choice, preprocessing=pixels)


def weights(model):
    return {n: p.detach().clone() for n, p in model.named_parameters()}
