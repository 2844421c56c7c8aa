"""A Tag2Text of two layers with random weights, its words, and the golden folder."""

from functools import partial
from pathlib import Path

import pytest
import torch
from PIL import Image

from tagalign.backbones.preprocess import Preprocessing
from tagalign.methods.tag2text.build import build_tag2text
from tagalign.methods.tag2text.captioning import Decoding
from tagalign.methods.tag2text.generation import CaptionLength
from tagalign.methods.tag2text.method import Tag2TextMethod
from tagalign.methods.tag2text.profiles import load_profile
from tagalign.methods.tag2text.tag_choice import TagChoice
from tagalign.methods.tag2text.wordpieces import Wordpieces

GOLDEN = Path(__file__).parents[2] / "parity/golden/tag2text"
TAGS = ("dog", "cat", "train", "grass", "red", "train", "run", "green grass")
WORDS = (
    *("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"),
    *("a", "picture", "of", "the", "is", "on", "|", ",", "?", "what"),
    *("dog", "cat", "train", "grass", "red", "run", "green", "##s"),
)


def tiny_sizes(*, alignment: bool = True, head: str = "shared") -> dict:
    text = {
        "vocab_size": len(WORDS) + 2,
        "hidden_size": 24,
        "num_hidden_layers": 2,
        "num_attention_heads": 6,
        "intermediate_size": 32,
        "max_position_embeddings": 96,
        "initializer_range": 0.4,  # large enough that different tags give different words
    }
    vit = {
        "image_size": 32,
        "patch_size": 8,
        "hidden_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "initializer_range": 0.4,
    }
    sizes = {
        "image_encoder": {"kind": "vit", "config": vit},
        "tag_encoder": {**text, "encoder_hidden_size": 16},
        "text_decoder": {**text, "encoder_hidden_size": 24},
        "tag_head": {"kind": head, "num_heads": 4, "num_layers": 2},
    }
    return {**sizes, "alignment": {"embed_dim": 8}} if alignment else sizes


@pytest.fixture(scope="session")
def golden():
    return GOLDEN


@pytest.fixture(scope="session")
def sizes():
    """``sizes(alignment=..., head=...)``: arguments of ``build_tag2text`` for a tiny network."""
    return tiny_sizes


@pytest.fixture(scope="session")
def tags():
    return TAGS


@pytest.fixture(scope="session")
def wordpieces():
    return Wordpieces(WORDS)


@pytest.fixture(scope="session")
def model():
    return build_tag2text(num_tags=len(TAGS), **tiny_sizes(), seed=3).eval()


@pytest.fixture(scope="session")
def make_method(model, wordpieces):
    """``make_method(profile=..., default=..., deleted=...)``: the tiny network with other rules."""
    return partial(build_method, model, wordpieces)


def build_method(model, wordpieces, *, profile="fixed", default=0.5, deleted=(), **options):
    return Tag2TextMethod(
        model,
        wordpieces,
        TAGS,
        choice=TagChoice.of(len(TAGS), default=default, deleted=deleted),
        preprocessing=Preprocessing(image_size=32),
        profile=load_profile(profile),
        decoding=Decoding(length=CaptionLength(minimum=5, maximum=14)),
        **options,
    )


@pytest.fixture(scope="session")
def method(make_method):
    return make_method()


@pytest.fixture(scope="session")
def photos():
    g = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (6, 20, 28, 3), generator=g, dtype=torch.uint8)
    return [Image.fromarray(p.numpy()) for p in pixels]


@pytest.fixture(scope="session")
def images(method, photos):
    return method.encode_images(photos)
