"""`data check`: what is there, what is missing, how it should look."""

from tagalign.data.benchmarks.catalog import BENCHMARKS, find_benchmark
from tagalign.data.benchmarks.check import check_benchmark, describe_check
from tagalign.data.benchmarks.layouts import LAYOUTS


def test_check_says_found_expected_and_missing(voc2012):
    (voc2012 / "VOCdevkit/VOC2012/JPEGImages/2007_000033.jpg").unlink()
    checks = {check.split: check for check in check_benchmark("voc21", voc2012)}
    val = checks["val"]
    assert (val.found, val.expected, val.complete) == (2, 1449, False)
    assert [path.name for path in val.missing] == ["2007_000033.jpg"]
    assert "trainval.txt: missing" in checks["trainval"].problem
    text = describe_check(find_benchmark("voc21"), list(checks.values()))
    assert "2 of 1,449 images, 1 files missing: NOT complete" in text
    assert "2007_000033.jpg" in text


def test_check_counts_phrases_and_questions(refcoco, vqa):
    val = next(c for c in check_benchmark("refcoco", refcoco) if c.split == "testA")
    assert (val.found, val.expected) == (3, 5657)
    assert next(c for c in check_benchmark("vqa-v2", vqa) if c.split == "val2014").found == 3


def test_the_tiny_world_is_always_complete():
    assert all(check.complete for check in check_benchmark("tiny-world", None))


def test_every_layout_is_used_and_says_where_from():
    assert {b.layout for b in BENCHMARKS.values()} == LAYOUTS.keys()
    for layout in LAYOUTS.values():
        assert all((layout.tree, layout.source, layout.licence, layout.size))
