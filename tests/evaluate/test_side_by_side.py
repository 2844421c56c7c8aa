"""One table of many results: cells, the papers' averages, published rows."""

import dataclasses
import math

import pytest

from tagalign.errors import InputError
from tagalign.evaluate.published.numbers import find_numbers
from tagalign.evaluate.results import Result
from tagalign.evaluate.side_by_side import side_by_side


def result(benchmark, value, *, method="maskclip", refine=None, split="val", metric="miou", **settings):
    return Result(
        metrics={metric: value},
        settings={"benchmark": benchmark, "split": split} | settings,
        model={"method": method, "model": "a", "refine": refine},
    )


def test_systems_down_benchmarks_across_in_the_papers_order():
    found = side_by_side(
        [
            result("voc20", 60.0),
            result("voc21", 40.0),
            result("voc21", 42.0, refine="pamr"),
            result("context60", 20.0),
        ]
    )
    assert found.benchmarks == ("voc21", "context60", "voc20")
    plain, refined = found.rows
    assert (plain.values, plain.post) == ({"voc20": 60.0, "voc21": 40.0, "context60": 20.0}, "none")
    assert (refined.values, refined.post) == ({"voc21": 42.0}, "pamr")
    # a half with one benchmark has no mean worth a column
    assert found.means(plain) == {"mean with background": 30.0}
    assert math.isnan(found.means(refined)["mean with background"])


def test_published_rows_have_the_averages_that_the_paper_prints():
    published = find_numbers(["tagalign/table1"], quoted=True)
    found = side_by_side([result("voc21", 40.0)], published)
    by = {row.name: row for row in found.rows}
    means = found.means(by["TagAlign"])
    assert means["mean with background"] == pytest.approx(39.5, abs=0.05)
    assert means["mean without background"] == pytest.approx(36.7, abs=0.05)
    assert math.isnan(found.means(by["ReCo"])["mean with background"])
    assert by["TCL"].source == "tagalign/table1"


def test_two_numbers_for_one_cell_are_refused():
    with pytest.raises(InputError, match="two results of maskclip on a on voc21"):
        side_by_side([result("voc21", 1.0), result("voc21", 2.0)])


def test_other_splits_and_drawn_copies_are_named():
    found = side_by_side([result("voc21", 1.0, split="train"), result("voc21", 2.0, drawn_copy="2 images")])
    assert found.benchmarks == ("voc21", "voc21 train")
    assert [row.name for row in found.rows] == ["maskclip on a", "maskclip on a (drawn copies)"]


def test_metrics_are_never_mixed():
    with pytest.raises(InputError, match="different metrics"):
        side_by_side([result("voc21", 1.0), result("voc2007-tags", 1.0, metric="map")])
    with pytest.raises(InputError, match="tagclip/table2 prints map"):
        side_by_side([result("voc21", 1.0)], find_numbers(["tagclip/table2"]))


def test_a_number_over_some_of_the_images_says_so_and_stands_apart():
    whole = result("voc21", 40.0)
    part = dataclasses.replace(whole, counted=90, expected=100, unit="images")
    first = result("voc21", 50.0, limit=6, drawn_copy=True)
    rows = side_by_side([whole, part, first]).rows
    plain = rows[0].name
    assert [row.name for row in rows] == [
        plain,
        f"{plain} (90 of 100 images)",
        f"{plain} (drawn copies, first 6 images)",
    ]
