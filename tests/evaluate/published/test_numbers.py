"""The published numbers agree with themselves, with the papers' own averages, and with what this package can be asked."""

import pytest

from tagalign.data.benchmarks.catalog import BENCHMARKS
from tagalign.errors import InputError
from tagalign.evaluate.protocols import PROTOCOLS
from tagalign.evaluate.published.numbers import find_numbers, papers, published_numbers
from tagalign.evaluate.results import TITLES
from tagalign.methods.options import build_options
from tagalign.methods.table import METHODS

WITH_BACKGROUND = ("voc21", "context60", "coco-object", "imagenet-s-50", "imagenet-s-300")
WITHOUT = ("voc20", "context59", "coco-stuff", "cityscapes", "ade20k")


def values(table, row):
    return {n.benchmark: n.value for n in published_numbers() if (n.table, n.row) == (table, row)}


def mean(numbers, names):
    return sum(numbers[name] for name in names) / len(names)


def test_every_number_has_a_name_of_its_own_and_a_paper():
    names = [number.id for number in published_numbers()]
    assert len(set(names)) == len(names) > 300
    assert {number.paper for number in published_numbers()} == set(papers())


@pytest.mark.parametrize("number", published_numbers(), ids=lambda number: number.id)
def test_benchmark_split_metric_method_and_options_exist(number):
    benchmark = BENCHMARKS[number.benchmark]
    assert (number.split or benchmark.default_split) in benchmark.splits
    assert number.metric in TITLES
    assert 0 < number.value < 140  # percent; CIDEr may pass 100
    if number.run is not None:
        assert number.run.protocol in PROTOCOLS
        given = dict(number.run.options) | ({"refine": number.run.refine} if number.run.refine else {})
        kind = METHODS[number.run.method].options
        build_options(kind, given, method=number.run.method)  # refuses unknown names and values
        assert number.run.model or number.run.prepare


@pytest.mark.parametrize(
    ("table", "row", "with_background", "without"),
    [
        ("tagalign/table1", "TagAlign", 39.5, 36.7),
        ("tagalign/table1", "TCL", 35.96, 33.1),  # the paper prints 35.8, which is not the mean of its row
        ("tagalign/table1", "GroupViT", 32.1, 24.6),
        ("tagalign/table1", "SegCLIP", 35.0, 27.7),
        ("tagalign/table1-post", "TagAlign", 41.3, 39.1),
        ("tagalign/table1-post", "TCL", 39.4, 36.1),
    ],
)
def test_averages_are_those_that_the_paper_prints(table, row, with_background, without):
    numbers = values(table, row)
    # both roundings, of the parts and of the mean
    assert mean(numbers, WITH_BACKGROUND) == pytest.approx(with_background, abs=0.1)
    assert mean(numbers, WITHOUT) == pytest.approx(without, abs=0.1)


@pytest.mark.parametrize(
    ("table", "row", "printed"),
    [
        ("dense/naclip", "NACLIP", 39.4),
        ("dense/resclip", "ResCLIP", 41.4),
        ("dense/resclip", "without feedback, by TLH-CLIP", 40.6),
        ("dense/pearl", "PEARL", 43.2),
        ("dense/scclip", "SC-CLIP", 43.9),
    ],
)
def test_means_of_eight_sets_are_those_that_were_printed(table, row, printed):
    numbers = values(table, row)
    assert len(numbers) == 8
    assert mean(numbers, numbers) == pytest.approx(printed, abs=0.1)


@pytest.mark.parametrize("benchmark", ["voc20", "coco-stuff"])
@pytest.mark.parametrize("row", ["ZegFormer", "zsseg", "ZegCLIP", "TagCLIP (trusty token)"])
def test_harmonic_means_follow_from_seen_and_unseen(row, benchmark):
    seen, unseen, harmonic = (
        values(f"trusty/table2-{part}", row)[benchmark] for part in ("seen", "unseen", "harmonic")
    )
    # the parts are rounded to 0.1, and so is the mean
    assert 2 * seen * unseen / (seen + unseen) == pytest.approx(harmonic, abs=0.15)


def test_a_name_may_leave_parts_out():
    assert {n.benchmark for n in find_numbers(["tagclip/table2/voc2007"])} == {"voc2007-tags-all"}
    assert all(n.run is not None for n in find_numbers(["tagclip"]))
    (one,) = find_numbers(["tagalign/table1/tcl/ade20k"])
    assert (one.value, one.run) == (14.9, None)


def test_the_release_s_own_settings_reach_one_benchmark():
    by = {n.benchmark: n.run.options for n in find_numbers(["tagclip/table3/cls-seg/"])}
    assert by["voc21"]["preset"] == "voc"
    assert by["coco-stuff-27"]["preset"] == "coco-stuff"
    assert by["coco-object"]["preset"] == "coco"


def test_an_unknown_name_is_refused_with_a_near_one():
    with pytest.raises(InputError, match=r"did you mean tagclip/table2/tagclip/voc2007-tags-all\?"):
        find_numbers(["tagclp/table2/tagclip/voc2007-tags-all"])
