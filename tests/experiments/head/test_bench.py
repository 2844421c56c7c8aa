"""A seed's data: pictures are encoded once, whatever the text says; the frozen row is the encoder as it is."""

from dataclasses import replace

import pytest
import torch

from tagalign.experiments import protocol
from tagalign.experiments.head import bench
from tagalign.experiments.head.bench import Bench
from tagalign.experiments.head.cells import CAPTIONS, CONCEPTS, FROZEN
from tagalign.experiments.head.run import measure_cell
from tagalign.experiments.world import Sizes

# captions of version 2 name whole concepts, and a few of them are longer than an encoder reads
pytestmark = pytest.mark.filterwarnings("ignore:.*longer than the .* tokens the model reads")

SIZES = Sizes(train=12, validation=2, test=2)


def test_misleading_text_changes_captions_and_never_features(backbone):
    one = Bench(backbone, SIZES, seed=0)
    clean, dirty = one.world(0.0), one.world(1.0)
    assert clean.pairs.store is dirty.pairs.store
    assert all(a != b for a, b in zip(clean.captions, dirty.captions, strict=True))
    assert sum(len(parse.objects) for parse in dirty.parses) > sum(len(p.objects) for p in clean.parses)


def test_the_frozen_row_is_the_encoder_as_it_is(backbone):
    method, facts = Bench(backbone, SIZES, seed=0).method(FROZEN)
    assert (method.method, facts) == (protocol.MODE, {})


def test_a_cell_trains_on_its_tags_and_says_what_they_cover(backbone, monkeypatch):
    monkeypatch.setattr(bench, "SAMPLES", 8)  # two steps instead of a hundred
    one = Bench(backbone, SIZES, seed=1)
    found = measure_cell(one, replace(CONCEPTS, batch_size=4))
    assert found["samples"] == 8
    assert 0 < found["coverage"] < 100
    assert found["names"] > 5
    assert all(0 <= found[key] <= 100 for key in ("miou_objects", "miou", "referring_miou"))
    torch.manual_seed(5)  # the training has a seed of its own
    assert measure_cell(one, replace(CAPTIONS, batch_size=4)) == measure_cell(
        one, replace(CAPTIONS, batch_size=4)
    )
