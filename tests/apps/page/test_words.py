"""Pieces of HTML on the page: names of people's files and labels never become markup, scores keep their order."""

import re

import pytest
import torch

pytest.importorskip("gradio")

from tagalign.apps.page.words import SHOWN_TAGS, caption_text, heat_scale, phrase_note, refusal, tag_bars
from tagalign.types import Caption, Referring, Tagging


def tagging(scores, chosen):
    names = tuple(f"label {i}" for i in range(len(scores)))
    return Tagging(names=names, scores=tuple(scores), chosen=tuple(chosen))


def test_bars_come_best_first_and_say_who_was_chosen():
    html = tag_bars(tagging([0.2, 0.9, 0.55], [1]))
    assert re.findall(r'<b class="(\w+)">(.*?)</b>', html) == [
        ("on", "label 1"),
        ("off", "label 2"),
        ("off", "label 0"),
    ]
    assert re.findall(r"width:(\d+)%", html) == ["90", "55", "20"]


def test_bars_stay_in_their_frame_and_the_rest_is_counted():
    html = tag_bars(tagging([1.7, -0.5] + [0.5] * SHOWN_TAGS, []))
    assert max(map(int, re.findall(r"width:(-?\d+)%", html))) == 100
    assert html.count("<b ") == SHOWN_TAGS
    assert " 2 " in f" {re.sub('<.*?>', ' ', html.rsplit('<p>', 1)[1])} "
    assert "<b" not in tag_bars(None)


@pytest.mark.parametrize("write", [heat_scale, lambda text: refusal(ValueError(text))])
def test_what_people_typed_is_no_markup(write):
    assert "<script>" not in write("<script>&")
    assert "&lt;script&gt;&amp;" in write("<script>&")


def test_a_refusal_is_one_line():
    assert "a b" in refusal(ValueError("a\n  b"))


def test_a_caption_names_what_guided_it():
    html = caption_text(Caption(text="a <dog>", tags={"dog": 0.912, "frisbee": float("nan")}))
    assert "a &lt;dog&gt;" in html
    assert "dog 0.91, frisbee" in html
    assert "nan" not in html
    assert caption_text(Caption(text="a dog", tags={})).count("<p>") == 1


def test_a_phrase_says_where_or_that_nothing_is_there():
    mask = torch.zeros(4, 6, dtype=torch.bool)
    heat = mask.float()
    found = phrase_note(Referring(phrase="dog", mask=mask, box=(12, 13, 25, 34), score=0.5, heat=heat))
    assert re.findall(r"\b\d\d\b(?!\.)", re.sub(r"0\.\d+", "", found)) == ["12", "13", "25", "34"]
    nothing = phrase_note(Referring(phrase="dog", mask=mask, box=None, score=0.37, heat=heat))
    assert "0.37" in nothing
    assert nothing != found
