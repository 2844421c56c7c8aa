"""The curve and the cloud of a vocabulary, read back from their SVG."""

import math
from xml.etree import ElementTree

import pytest

from tagalign.pages.vocabulary import cloud_svg, frequency_svg
from tagalign.tags import TagVocabulary

NS = "{http://www.w3.org/2000/svg}"
COUNTS = [1000, 300, 90, 30, 10, 3, 1]
VOCABULARY = TagVocabulary.of(
    [
        *(("object", f"thing {i}", count) for i, count in enumerate(COUNTS)),
        ("attribute", "red", 50),
        ("attribute", "<b>", 5),
    ]
)


def curves(drawing):
    root = ElementTree.fromstring(str(drawing))
    return [
        [tuple(map(float, point.split(","))) for point in line.get("points").split()]
        for line in root.iter(f"{NS}polyline")
    ]


def test_every_kind_has_a_falling_curve_over_its_ranks():
    things, attributes = curves(frequency_svg(VOCABULARY))
    assert (len(things), len(attributes)) == (len(COUNTS), 2)
    for points in (things, attributes):
        xs, ys = zip(*points, strict=True)
        assert list(xs) == sorted(xs)
        assert list(ys) == sorted(ys)  # down the page
    # both axes are logarithmic: equal ratios are equal distances
    ranks = {i + 1: x for i, (x, _) in enumerate(things)}
    assert ranks[4] - ranks[2] == pytest.approx(ranks[2] - ranks[1], abs=0.11)  # one decimal is written
    heights = [y for _, y in things]
    step = (heights[1] - heights[0]) / math.log10(1000 / 300)
    assert (heights[3] - heights[0]) / math.log10(1000 / 30) == pytest.approx(step, abs=0.5)
    assert curves(frequency_svg(TagVocabulary.of([]))) == []


def test_the_axes_name_powers_of_ten_and_the_kinds_their_number():
    root = ElementTree.fromstring(str(frequency_svg(VOCABULARY)))
    words = [node.text for node in root.iter(f"{NS}text")]
    assert {"1", "10", "100", "1k", "rank of the tag", "captions"} <= set(words)
    assert {"object tags (7)", "attribute tags (2)"} <= set(words)


def boxes(group):
    """The place of every word, by its letters: half as wide as high, as the cloud counts them."""
    found = []
    for node in group.iter(f"{NS}text"):
        font, x, y = (float(node.get(name)) for name in ("font-size", "x", "y"))
        wide, high = 0.30 * font * len(node.text), 0.5 * font
        found.append((x - wide, y - 0.35 * font - high, x + wide, y - 0.35 * font + high))
    return found


def test_words_of_the_cloud_are_larger_where_they_are_more_frequent_and_never_overlap():
    height, width = 320, 520
    root = ElementTree.fromstring(str(cloud_svg(VOCABULARY, size=(height, width))))
    things, attributes = root.findall(f"{NS}g")
    sizes = [float(node.get("font-size")) for node in things.iter(f"{NS}text")]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] == pytest.approx(42, abs=0.1)
    assert [node.text for node in attributes.iter(f"{NS}text")] == ["red", "<b>"]
    placed = boxes(things)
    for i, a in enumerate(placed):
        assert a[0] >= 0
        assert a[2] <= width
        assert not any(a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3] for b in placed[:i])


def test_only_the_most_frequent_are_shown():
    root = ElementTree.fromstring(str(cloud_svg(VOCABULARY, kinds=("object",), tags=3)))
    assert [node.text for node in root.iter(f"{NS}text")] == ["thing 0", "thing 1", "thing 2"]
