"""Keys of cells: equal for equal cells, different wherever the row does not say it."""

from dataclasses import replace

import pytest

from tagalign.experiments.head.cells import ALONE, CAPTIONS, CONCEPTS, FROZEN, OBJECTS, Cell


def test_the_rows_of_all_tables_have_keys_of_their_own():
    rows = [FROZEN, CAPTIONS, OBJECTS, CONCEPTS, ALONE]
    assert len({row.key for row in rows}) == len(rows)
    assert Cell(row="captions").key == CAPTIONS.key


@pytest.mark.parametrize(
    "change", [{"batch_size": 64}, {"mislead": 0.1}, {"seed": 1}, {"mode": "surgery"}, {"row": "other"}]
)
def test_what_a_row_does_not_name_is_in_its_key(change):
    assert replace(CAPTIONS, **change).key != CAPTIONS.key


def test_a_frozen_row_trains_nothing():
    assert FROZEN.batch_size == 0
    assert not FROZEN.contrastive
    assert FROZEN.tags == "none"
