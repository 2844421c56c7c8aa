"""A seed's data: pictures are encoded once, whatever the text says; the frozen row is the encoder as it is.

Holds also ``experiments/head/run.py``.
"""

from dataclasses import replace

import pytest
import torch

from tagalign.experiments import protocol
from tagalign.experiments.head import bench, run, tables
from tagalign.experiments.head.bench import Bench, first
from tagalign.experiments.head.cells import CAPTIONS, CONCEPTS, FROZEN, OBJECTS
from tagalign.experiments.head.journal import Journal
from tagalign.experiments.head.run import measure, measure_cell, name_of
from tagalign.experiments.world import Sizes

# captions of version 2 name whole concepts, and a few of them are longer than an encoder reads
pytestmark = pytest.mark.filterwarnings("ignore:.*longer than the .* tokens the model reads")

SIZES = Sizes(train=12, validation=2, test=2)


@pytest.fixture(scope="module")
def one(backbone):
    return Bench(backbone, SIZES, seed=0)


@pytest.fixture
def short(monkeypatch):
    monkeypatch.setattr(bench, "SAMPLES", 8)  # two steps instead of a hundred


def test_misleading_text_changes_captions_and_never_features(one):
    clean, dirty = one.world(0.0), one.world(1.0)
    assert clean.pairs.store is dirty.pairs.store
    assert all(a != b for a, b in zip(clean.captions, dirty.captions, strict=True))
    assert sum(len(parse.objects) for parse in dirty.parses) > sum(len(p.objects) for p in clean.parses)


def test_the_frozen_row_is_the_encoder_as_it_is(one):
    method, facts = one.method(FROZEN)
    assert (method.method, facts) == (protocol.MODE, {})


@pytest.mark.usefixtures("short")
def test_a_cell_trains_on_its_tags_and_says_what_they_cover(one):
    found = measure_cell(one, replace(CONCEPTS, batch_size=4))
    assert found["samples"] == 8
    assert 0 < found["coverage"] < 100
    assert found["names"] > 5
    measured = ("miou_objects", "miou", "referring_miou", "referring_needed", "objects_stand_out")
    assert all(0 <= found[key] <= 100 for key in measured)
    torch.manual_seed(5)  # the training has a seed of its own
    again = [measure_cell(one, replace(CAPTIONS, batch_size=4)) for _ in range(2)]
    assert again[0] == again[1]


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("cell", [tables.SPLIT, tables.BACKGROUNDS, tables.PAIRS, tables.TRUE, tables.FIXED])
def test_lists_of_every_kind_train(one, cell):
    _, facts = one.method(replace(cell, batch_size=4))
    assert facts["names"] > 0


@pytest.mark.usefixtures("short")
def test_a_blend_answers_with_both_maps(one):
    method, _ = one.method(replace(tables.BLENDED, batch_size=4))
    assert (method.clip_weight, method.method) == (0.3, "tagalign")


def test_less_data_are_the_first_scenes(one):
    world = one.world(0.0)
    part = first(world, 5)
    assert part.captions == world.captions[:5]
    assert len(part.pairs.images) == len(part.pairs.texts) == len(part.pairs.labels) == 5
    assert first(world, len(world.captions)) is world


def test_a_row_of_another_table_is_taken_over_unless_it_lacks_what_the_table_shows(
    backbone, monkeypatch, tmp_path
):
    monkeypatch.setattr(run, "TABLES", dict.fromkeys(("head-rows", "head-losses", "head-reasons"), (FROZEN,)))
    journals = {name: Journal(tmp_path / f"{name}.json", {}) for name in run.TABLES}
    journals["head-rows"].add(name_of(backbone), FROZEN.key, {"miou_objects": 28.0})
    run.take_over([backbone], journals, ["head-losses", "head-reasons"])
    assert journals["head-losses"].get(name_of(backbone), FROZEN.key) == {"miou_objects": 28.0}
    assert journals["head-reasons"].of(name_of(backbone)) == {}


@pytest.mark.usefixtures("short")
def test_what_stands_in_a_journal_is_not_measured_again(backbone, monkeypatch, tmp_path):
    small = tuple(replace(cell, batch_size=4 * bool(cell.batch_size)) for cell in (FROZEN, CAPTIONS, OBJECTS))
    monkeypatch.setattr(run, "TABLES", {"first": small[:2], "second": small})
    monkeypatch.setattr(run, "SIZES", SIZES)
    journals = {name: Journal(tmp_path / f"{name}.json", {}) for name in ("first", "second")}
    said: list[str] = []
    measure([backbone], journals, ["first"], said.append)
    measure([backbone], journals, ["first", "second"], said.append)
    assert [line.split(":")[0] for line in said] == ["first", "first", "second"]
    run.take_over([backbone], journals, ["second"])  # nothing is missing
    assert set(journals["second"].of(name_of(backbone))) == {cell.key for cell in small}
