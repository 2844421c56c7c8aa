"""Tables: the frozen row first, a key for every cell, as many pairs for every row, equal rows equal in all tables."""

from dataclasses import replace

from tagalign.experiments.head.cells import FROZEN, SAMPLES
from tagalign.experiments.head.tables import TABLES


def test_the_frozen_row_comes_first():
    assert all(replace(cells[0], mode=FROZEN.mode) == FROZEN for cells in TABLES.values())


def test_every_cell_of_a_table_has_a_key_of_its_own_and_sees_as_many_pairs():
    for cells in TABLES.values():
        assert len({cell.key for cell in cells}) == len(cells)
        for cell in cells:
            assert not cell.batch_size or SAMPLES % cell.batch_size == 0


def test_equal_keys_are_equal_cells():
    by_key: dict[str, object] = {}
    for cell in (cell for cells in TABLES.values() for cell in cells):
        assert by_key.setdefault(cell.key, cell) == cell
