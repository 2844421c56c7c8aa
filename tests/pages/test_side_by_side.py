"""The best number of each column is marked, wherever it stands and however often."""

import re

from tagalign.pages.side_by_side import render_side_by_side

HEAD = ["system", "note", "voc21", "city"]
ROWS = [["ours", "99.9", "9.5", "-"], ["<theirs>", "", "60.1", "30.0"], ["third", "", "60.1", ""]]


def test_the_highest_numbers_are_bold_and_texts_never_are():
    page = render_side_by_side("Side by side", HEAD, ROWS, texts=2)
    assert re.findall(r"<strong>(.*?)</strong>", page) == ["60.1", "30.0", "60.1"]
    assert "&lt;theirs&gt;" in page
    assert "<theirs>" not in page


def test_numbers_are_compared_as_numbers_and_a_column_without_any_has_no_best():
    page = render_side_by_side("t", ["system", "a", "b"], [["x", "9.5", "-"], ["y", "10.0", ""]], texts=1)
    assert re.findall(r"<strong>(.*?)</strong>", page) == ["10.0"]
