"""Drawings are well-formed SVG, and what they show is read back from it."""

import math
from xml.etree import ElementTree

from markupsafe import Markup

from tagalign.pages.drawings import BAR, HEIGHT, histogram, svg, text

NAMESPACE = "{http://www.w3.org/2000/svg}"


def parsed(drawing):
    return ElementTree.fromstring(str(drawing))


def test_a_drawing_says_its_size_and_title_and_escapes_words():
    root = parsed(svg((20, 50), "cats & <dogs>", [Markup('<rect width="3" height="4"/>')]))
    assert (root.get("width"), root.get("height"), root.get("viewBox")) == ("50", "20", "0 0 50 20")
    assert root.find(f"{NAMESPACE}title").text == "cats & <dogs>"
    assert [part.get("width") for part in root.findall(f"{NAMESPACE}rect")] == ["3"]


def test_bars_stand_on_the_ground_at_heights_of_powers_of_two():
    counts = [0, 1, 8, 1000, 0, 3]
    bars = parsed(histogram(counts)).findall(f"{NAMESPACE}rect")
    filled = [(i, count) for i, count in enumerate(counts) if count]
    assert [int(bar.get("x")) // BAR for bar in bars] == [i for i, _ in filled]
    for bar, (_, count) in zip(bars, filled, strict=True):
        height, top = float(bar.get("height")), float(bar.get("y"))
        wanted = HEIGHT * (math.floor(math.log2(count)) + 1) / (math.floor(math.log2(max(counts))) + 1)
        assert abs(height - wanted) <= 0.05  # one decimal is written
        assert abs(top + height - HEIGHT) <= 0.1


def test_nothing_counted_is_an_empty_drawing():
    assert parsed(histogram([0, 0])).findall(f"{NAMESPACE}rect") == []
    assert parsed(histogram([])).get("width") == "0"


def test_words_stand_where_they_are_put():
    node = ElementTree.fromstring(str(text(3, 4.25, "<cat>", size=9, anchor="end", faint=True)))
    assert (node.text, node.get("x"), node.get("y")) == ("<cat>", "3.0", "4.2")
    assert (node.get("font-size"), node.get("text-anchor"), node.get("opacity")) == ("9.0", "end", "0.65")
    assert ElementTree.fromstring(str(text(0, 0, "a"))).get("opacity") is None
