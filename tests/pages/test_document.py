"""One rule of escaping, whole pages, pictures inside them: read back with the standard library's own parsers.

Holds ``pages/pictures.py``, ``pages/tables.py``.
"""

import base64
import io
import math
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup
from PIL import Image

from tagalign.pages import tables
from tagalign.pages.document import document, fold, note, section
from tagalign.pages.drawings import histogram
from tagalign.pages.pictures import data_uri, figure, gallery, legend
from tagalign.pages.vocabulary import cloud_svg, frequency_svg
from tagalign.tags.vocabulary import TagVocabulary

EVIL = """</style><script>alert("1")</script> & 'x'"""


class Seen(HTMLParser):
    """Tags in order, text, and attribute values."""

    VOID = frozenset({"meta", "img", "br"})

    def __init__(self, page):
        super().__init__()
        self.open, self.wrong, self.tags, self.words, self.values = [], [], [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.values += [value for _, value in attributes]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data):
        self.words.append(data)


def everything(word):
    """A page with the word in every place that takes one."""
    return document(
        word,
        section(word, note(word), fold(word, word)),
        tables.table((word, "n"), [(word, 1)], numbers=(1,)),
        tables.facts([(word, word)]),
        tables.bars([tables.bar(word, 0.5, word)]),
        tables.track([(0.5, "c0", word)]),
        tables.chip(word, "bad", count=2),
        gallery([figure("data:,", word, alt=word)]),
        legend([(word, (1, 2, 3))]),
        word,
    )


@given(st.text(alphabet="<>&\"'{}a/ %\u20ac", min_size=1) | st.just(EVIL))
def test_text_arrives_as_text_wherever_it_is_put(word):
    seen, plain = Seen(everything(word)), Seen(everything("x"))
    assert (seen.open, seen.wrong) == ([], [])
    assert seen.tags == plain.tags
    assert "".join(seen.words).count(word) >= 11
    assert seen.values.count(word) == 3  # title of the bar, title of the piece, alt


def test_a_page_needs_nothing_from_outside_and_follows_the_reader():
    page = document("t", "body")
    assert not re.findall(r'(?:src|href)="(?!data:)', page)
    assert "url(" not in page
    for word in ("prefers-color-scheme: dark", "max-width: 720px", "width=device-width"):
        assert word in page


def test_an_empty_section_leaves_nothing():
    assert section("Pictures", "", Markup()) == ""


@pytest.mark.parametrize(("share", "width"), [(-1.0, "0.00"), (0.5, "50.00"), (7.0, "100.00")])
def test_bars_stay_inside_their_track(share, width):
    assert f"width:{width}%" in tables.bar("a", share, "1")


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "1"])
def test_pictures_open_again(mode):
    picture = Image.new(mode, (300, 100))
    uri = data_uri(picture, max_side=60)
    opened = Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))
    assert (opened.format, opened.size, picture.size) == ("JPEG", (60, 20), (300, 100))


def test_an_exact_picture_keeps_every_pixel():
    pixels = np.random.default_rng(0).integers(0, 255, (7, 9, 3), dtype=np.uint8)
    uri = data_uri(Image.fromarray(pixels), exact=True)
    opened = Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))
    assert np.array_equal(np.asarray(opened), pixels)


def test_heights_of_a_histogram_are_logarithmic():
    bars = ET.fromstring(histogram([0, 1, 3, 1023])).findall("{*}rect")
    assert [(float(bar.get("x")), round(float(bar.get("height")), 1)) for bar in bars] == [
        (6, round(24 * 1 / 10, 1)),
        (12, round(24 * 2 / 10, 1)),
        (18, 24.0),
    ]


@pytest.mark.parametrize(
    "rows", [[], [("object", "a < b & c", 1)], [("object", f"t{i}", 1000 - i) for i in range(400)]]
)
def test_pictures_of_a_vocabulary_are_xml_of_their_own(rows):
    vocabulary = TagVocabulary.of(rows)
    for drawing in (frequency_svg(vocabulary), cloud_svg(vocabulary)):
        root = ET.fromstring(drawing)
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        names = {text.text for text in root.findall(".//{*}text")}
        assert not rows or drawing.count("<polyline") == 1 or rows[0][1] in names


def test_the_curve_is_straight_for_a_power_law():
    vocabulary = TagVocabulary.of([("object", f"t{r}", round(100_000 / r)) for r in range(1, 101)])
    points = ET.fromstring(frequency_svg(vocabulary)).find(".//{*}polyline").get("points").split()
    places = [tuple(map(float, point.split(","))) for point in points]
    slopes = [(y - places[0][1]) / (x - places[0][0]) for x, y in places[5:]]
    # counts are whole numbers and points are written with one decimal
    assert max(slopes) == pytest.approx(min(slopes), rel=0.02)
    assert not math.isclose(slopes[0], 0)
