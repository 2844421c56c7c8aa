"""The page of two parses marks what it says it marks."""

import re

from tagalign.pages.parses import render_comparison
from tagalign.tags import ParsedCaption
from tagalign.tags.comparison import compare_parses
from tagalign.tags.shards import TagRow

CAPTION = "a red car <script>alert(1)</script>"


def row(*objects):
    return TagRow("1", CAPTION, ParsedCaption(objects=objects))


def test_the_page_marks_errors_and_escapes_captions():
    page = render_comparison(compare_parses([row("car", "boat")], [row("car")]), ("<A>", "B"))
    assert "<script>" not in page
    assert "<title>&lt;A&gt; and B</title>" in page
    assert re.findall(r'<span class="([^"]*)">(\w+)</span>', page.split('<table class="sentences">')[1]) == [
        ("tag", "car"),
        ("tag bad alone", "boat"),
        ("tag", "car"),
    ]


def test_gold_that_a_parser_missed_is_struck():
    page = render_comparison(
        compare_parses([row("car")], [row("car")], gold=[row("car", "road")]), ("A", "B")
    )
    assert page.count('<span class="tag gone">road</span>') == 2
    assert "wrong by gold" in page
