"""Precision of the encoder: bf16 acts, is named by results, keeps the answers; who cannot take it says so."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

import tagalign as ta
from tagalign.backbones.load import load_backbone
from tagalign.data.tiny_world import TinyWorld
from tagalign.errors import InputError, UnknownNameError
from tagalign.export.onnx import exportable
from tagalign.methods.dense.method import DenseMethod
from tagalign.methods.dense.options import TagAlignOptions
from tagalign.methods.dense.projector import Projector
from tagalign.methods.load import load_method
from tagalign.methods.table import training_free
from tagalign.ops.precision import resolve_precision

LABELS = ["car", "dog", "tree", "cup", "fish"]


@pytest.fixture(scope="module")
def scenes():
    world = TinyWorld(seed=1, split="test")
    return [Image.fromarray(world[i].image) for i in range(12)]


def test_masks_of_both_precisions_agree_on_99_of_100_pixels(scenes):
    full, low = (ta.load("tiny", method="surgery", precision=name) for name in ("fp32", "bf16"))
    assert "precision" not in full.describe()
    assert low.describe()["precision"] == "bf16"
    labels = full.encode_labels(LABELS)
    maps = [
        [model.segment(model.encode_image(image), labels).labels for image in scenes] for model in (full, low)
    ]
    same = np.mean([np.mean(np.asarray(a) == np.asarray(b)) for a, b in zip(*maps, strict=True)])
    assert (
        same >= 0.99
    )  # the bound that is promised; rounding moves pixels between two labels that are all but equal
    scores = [model.tag(model.encode_image(scenes[0]), labels).scores for model in (full, low)]
    assert not np.array_equal(*map(np.asarray, scores))  # it acted


@pytest.mark.parametrize("method", sorted(set(training_free()) - {"proxy", "piaa"}))
def test_every_method_without_training_takes_it(method, scenes):
    model = ta.load("tiny", method=method, precision="bf16")
    assert '"precision": "bf16"' in json.dumps(
        model.describe()
    )  # of gated inside its tagger and its segmenter
    assert np.isfinite(model.tag(model.encode_image(scenes[0]), LABELS).scores).all()


def test_a_trained_head_multiplies_in_it_too(scenes):
    encoders = [load_backbone("tiny", precision=name) for name in ("fp32", "bf16")]
    projector = Projector.from_backbone(encoders[0], num_blocks=2).eval()
    with torch.no_grad():
        for block in projector.blocks:
            block.gate.fill_(0.5)  # open, so that the convolutions count
    used, embeds = [], []
    projector.blocks[0].conv.register_forward_hook(lambda module, given, made: used.append(made.dtype))
    for encoder in encoders:
        method = DenseMethod(encoder, TagAlignOptions(), method="tagalign", mode="clip", projector=projector)
        embeds.append(method.encode_images(scenes[:1])[0].views[0].embeds)
    assert used == [torch.float32, torch.bfloat16]
    assert {one.dtype for one in embeds} == {torch.float32}
    same = torch.cosine_similarity(*embeds, dim=-1)
    # eight bits of each factor, through a tower and two convolutions
    assert same.min() > 0.99
    assert same.max() < 1


def test_auto_is_what_the_processor_has():
    described = ta.load("tiny", precision="auto").describe()
    assert described.get("precision", "fp32") == resolve_precision("auto", torch.device("cpu"))


def test_a_method_without_a_choice_refuses_it():
    with pytest.raises(InputError, match="'tag2text' computes in fp32 alone"):
        ta.load("tiny", method="tag2text", precision="bf16")


def test_no_graph_is_written_of_it():
    with pytest.raises(InputError, match="written in fp32; leave precision 'bf16' out"):
        exportable(load_method("tiny", method="surgery", precision="bf16"))


def test_another_precision_is_refused():
    with pytest.raises(UnknownNameError, match="fp16"):
        ta.load("tiny", precision="fp16")
