"""Tables of rows: intervals against SciPy, gains paired by seed by hand, and journals that go on."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from tagalign.errors import DataError
from tagalign.experiments.head.bench import composed, coverage
from tagalign.experiments.head.cells import CAPTIONS, CONCEPTS, FROZEN, SAMPLES, TABLES
from tagalign.experiments.head.journal import Journal
from tagalign.experiments.head.report import gains, interval, markdown
from tagalign.tags.parses import ParsedCaption
from tagalign.tags.vocabulary import TagLabels


def numbers(objects, **more):
    rest = dict.fromkeys(("miou", "pixel_accuracy", "referring_miou"), 50.0)
    return {"miou_objects": objects, **rest, **more}


def test_intervals_are_those_of_scipy():
    values = [31.0, 33.5, 30.2]
    low, high = stats.t.interval(0.95, 2, loc=np.mean(values), scale=stats.sem(values))
    mean, half = interval(values)
    # float64 arithmetic on numbers near 30
    assert mean - half == pytest.approx(low, abs=1e-9)
    assert mean + half == pytest.approx(high, abs=1e-9)
    assert interval([4.0]) == (4.0, None)


def test_a_gain_is_over_the_same_seed_batch_and_noise():
    row = [replace(CONCEPTS, seed=seed) for seed in (0, 1, 2)]
    values = {cell.key: numbers(40.0 + cell.seed) for cell in row}
    values |= {replace(CAPTIONS, seed=seed).key: numbers(38.0) for seed in (0, 1)}
    values |= {replace(CAPTIONS, seed=2, mislead=0.6).key: numbers(0.0)}
    assert gains(row, values) == [2.0, 3.0]
    assert gains([CAPTIONS], values) == []


def test_the_frozen_row_comes_first_and_what_is_missing_is_left_out():
    assert all(replace(cells[0], mode=FROZEN.mode) == FROZEN for cells in TABLES.values())
    cells = (FROZEN, CAPTIONS, CONCEPTS)
    values = {FROZEN.key: numbers(28.0), CONCEPTS.key: numbers(33.0, names=900.0, coverage=12.0)}
    lines = markdown(cells, values).splitlines()
    assert len(lines) == 4
    assert lines[2].startswith("| frozen |")
    assert "| captions and concepts | 256 | 30 % | 900 | 12 % | 33.0 |" in lines[3]


def test_every_cell_of_a_table_has_a_key_of_its_own_and_sees_as_many_pairs():
    for cells in TABLES.values():
        assert len({cell.key for cell in cells}) == len(cells)
        for cell in cells:
            assert not cell.batch_size or SAMPLES % cell.batch_size == 0


def test_a_journal_goes_on_and_begins_anew_with_other_settings(tmp_path):
    path = tmp_path / "table.json"
    Journal(path, {"scenes": 3}).add("tiny", "row", numbers(1.0))
    assert Journal(path, {"scenes": 3}).get("tiny", "row") == numbers(1.0)
    assert Journal(path, {"scenes": 4}).get("tiny", "row") is None
    assert json.loads(path.read_text())["settings"] == {"scenes": 3}
    path.write_text('{"settings": {"sce')
    with pytest.raises(DataError, match=r"table.json: expected the results of a table .*; move it away"):
        Journal(path, {"scenes": 3})


def test_coverage_counts_distinct_names():
    labels = TagLabels(indptr=np.array([0, 2, 3, 3, 4]), indices=np.array([0, 1, 1, 3], dtype=np.int32))
    assert coverage(labels, 10, 4) == 30.0  # all four captions name 0, 1 and 3
    assert coverage(labels, 10, 100) == 30.0
    rng = np.random.default_rng(0)
    by_hand = [len(set(labels.row(int(rng.choice(4, 1, replace=False)[0])).tolist())) for _ in range(20)]
    assert coverage(labels, 10, 1) == pytest.approx(10 * np.mean(by_hand), abs=0.05)  # printed to one digit


def test_concepts_are_nouns_with_their_looks():
    pairs = (("dog", "big"), ("dog", "red"), ("dog", "striped"), ("photo", "old"), ("cat", "blue"))
    parse = ParsedCaption(objects=("photo", "dog", "tree"), pairs=pairs)
    assert composed(parse).objects == ("old photo", "red striped dog", "tree")
