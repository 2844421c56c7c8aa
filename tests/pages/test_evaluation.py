"""The HTML report: self-contained, escaped, honest about missing images, right about confusions."""

import math
import re
from html.parser import HTMLParser

import pytest
import torch

from tagalign.evaluate.bootstrap import Interval
from tagalign.evaluate.mistakes import worst_confusions
from tagalign.evaluate.results import Result
from tagalign.evaluate.segmentation import Confusion
from tagalign.pages.best_and_worst import Picture
from tagalign.pages.evaluation import render_evaluation

PIXEL = "data:image/gif;base64,R0lGODlhAQABAAAAACw="


def result(**changes):
    values = {
        "metrics": {"miou": 45.93, "pixel_accuracy": 71.2},
        "per_class": {"iou": {"cat & <b>dog</b>": 91.0, "tree": 0.86, "void": math.nan}},
        "intervals": {"miou": Interval(low=44.1, high=47.2)},
        "settings": {"kind": "segmentation", "benchmark": "voc21", "split": "val", "limit": None},
        "model": {"method": "maskclip", "profile": "paper", "model": "clip"},
        "images": 1449,
        "counted": 1449,
        "expected": 1449,
    }
    return Result(**(values | changes))


class Balance(HTMLParser):
    """Every tag that is opened is closed, in order."""

    VOID = frozenset({"meta", "img", "br"})

    def __init__(self):
        super().__init__()
        self.open, self.wrong = [], []

    def handle_starttag(self, tag, attributes):
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


def test_page_is_one_balanced_file_with_nothing_from_outside():
    page = render_evaluation(result(), best=[Picture(source=PIXEL, caption="a.jpg", score=99.0)])
    parser = Balance()
    parser.feed(page)
    assert (parser.open, parser.wrong) == ([], [])
    assert not re.findall(r'(?:src|href)="(?!data:)', page)
    assert "url(" not in page
    assert "prefers-color-scheme: dark" in page


def test_names_are_escaped_and_numbers_shown():
    page = render_evaluation(result())
    assert "cat &amp; &lt;b&gt;dog&lt;/b&gt;" in page
    assert "<b>dog</b>" not in page
    for text in (
        "45.9",
        "44.1 to 47.2",
        "44.10 to 47.20",
        "91.0",
        "Do not occur: void",
        "maskclip, paper on clip",
    ):
        assert text in page


def test_a_smaller_data_set_or_a_limit_stands_on_the_page():
    page = render_evaluation(result(counted=12, settings={**result().settings, "limit": 12}))
    assert "12 of 1,449 images were measured" in page
    assert "Only the first 12 images" in page
    assert "were measured: this is" not in render_evaluation(result())


def test_many_classes_fold_away_but_stay_in_the_page():
    page = render_evaluation(result(per_class={"iou": {f"class {i}": float(i % 100) for i in range(919)}}))
    assert "859 more" in page
    assert page.count('class="bar"') == 919


def test_worst_classes_and_what_they_are_taken_for():
    confusion = Confusion(4)
    confusion.add(torch.tensor([[90, 10, 0, 0], [60, 20, 20, 0], [0, 0, 0, 0], [5, 0, 5, 0]]))
    mistakes = worst_confusions(confusion, ["sky", "cat", "absent", "dog"])
    assert [m.name for m in mistakes] == ["dog", "cat", "sky"]
    assert mistakes[0].right == 0.0
    assert dict(mistakes[1].taken_for) == pytest.approx({"sky": 0.6, "absent": 0.2})
    assert "absent 20 %" in render_evaluation(result(), mistakes=mistakes)
