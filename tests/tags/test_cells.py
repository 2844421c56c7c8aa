"""Cells of CSV: spreadsheets calculate none, and every name still leads to its file."""

from pathlib import Path

import pytest

from tagalign.tags.cells import file_cell, text_cell


@pytest.mark.parametrize("name", ["=1+1.png", "+1.png", "-x.png", "@2x.png", "\tx.png", "\rx.png"])
def test_a_name_that_is_a_formula_is_none_in_a_cell_and_opens_the_same_file(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path(name).write_text("here")
    cell = file_cell(name)
    assert cell[0] not in "=+-@\t\r"
    assert Path(cell).samefile(name)
    assert text_cell(name)[0] == "'"


@pytest.mark.parametrize("name", ["a.png", "day/=1.png", "'a'.png", " =1.png", "1-2.png", ""])
def test_other_names_stay(name):
    assert file_cell(name) == text_cell(name) == name
