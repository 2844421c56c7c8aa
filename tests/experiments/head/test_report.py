"""Tables of rows: intervals against SciPy, gains paired by seed by hand, and journals that go on."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from tagalign.errors import DataError
from tagalign.experiments.head.cells import CAPTIONS, CONCEPTS, FROZEN, OBJECTS
from tagalign.experiments.head.journal import Journal
from tagalign.experiments.head.report import gains, interval, markdown
from tagalign.experiments.head.tables import at_rate, of_data


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


def test_a_row_with_less_data_gains_over_captions_with_less_data():
    less = of_data(OBJECTS, 0.125)
    values = {
        less.key: numbers(33.0),
        of_data(CAPTIONS, 0.125).key: numbers(31.0),
        CAPTIONS.key: numbers(0.0),
    }
    assert gains([less], values) == [2.0]


def test_a_row_at_another_rate_gains_over_captions_at_that_rate():
    slow, base = at_rate(OBJECTS, 1e-4), at_rate(CAPTIONS, 1e-4)
    values = {slow.key: numbers(33.0), base.key: numbers(32.5), CAPTIONS.key: numbers(0.0)}
    assert (gains([slow], values), gains([base], values)) == ([0.5], [])


def test_what_is_missing_is_left_out():
    values = {FROZEN.key: numbers(28.0), CONCEPTS.key: numbers(33.0, names=900.0, coverage=12.0)}
    lines = markdown("head-rows", values).splitlines()
    assert len(lines) == 4
    assert lines[2].startswith("| frozen |")
    assert "| captions and concepts | 256 | 30 % | 900 | 12 % | 33.0 |" in lines[3]


def test_detailed_tables_show_what_training_did_and_leave_gaps_where_nobody_measured():
    lines = markdown("head-reasons", {FROZEN.key: numbers(28.0, background_right=61.25)}).splitlines()
    assert "background right" in lines[0]
    assert " 61.2 |" in lines[2]
    assert lines[0].count("|") == lines[2].count("|")


def test_a_journal_keeps_claims_beside_numbers(tmp_path):
    path = tmp_path / "table.json"
    journal = Journal(path, {})
    journal.add("tiny", "row", numbers(1.0))
    journal.conclude([{"paper": "TagAlign"}])
    assert json.loads(path.read_text())["claims"] == [{"paper": "TagAlign"}]
    assert Journal(path, {}).get("tiny", "row") == numbers(1.0)


def test_a_journal_goes_on_and_begins_anew_with_other_settings(tmp_path):
    path = tmp_path / "table.json"
    Journal(path, {"scenes": 3}).add("tiny", "row", numbers(1.0))
    assert Journal(path, {"scenes": 3}).get("tiny", "row") == numbers(1.0)
    assert Journal(path, {"scenes": 4}).get("tiny", "row") is None
    assert json.loads(path.read_text())["settings"] == {"scenes": 3}
    path.write_text('{"settings": {"sce')
    with pytest.raises(DataError, match=r"table.json: expected the results of a table .*; move it away"):
        Journal(path, {"scenes": 3})
