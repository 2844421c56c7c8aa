"""The page of proposed labels: everything on it, escaped, with and without photos."""

from PIL import Image

from tagalign.errors import ImageError
from tagalign.pages.suggestions import render_suggestions
from tagalign.tasks.suggesting import Proposal

DETAILS = [("model", "m")]


def opener(key):
    if key == "gone.png":
        raise ImageError("gone")
    return Image.new("RGB", (30, 20), "red")


def test_every_proposal_has_its_words_numbers_and_photos():
    proposals = [
        Proposal(
            name="<b>dog</b>",
            aliases=("puppy",),
            weight=3.0,
            photos=1200,
            score=0.25,
            captions=7,
            examples=(("a.png", 0.5), ("gone.png", 0.25)),
        ),
        Proposal(name="cat", weight=0.0, photos=0, score=0.0),
    ]
    page = render_suggestions(proposals, title="Labels", details=DETAILS, file="dog: puppy\n", opener=opener)
    assert "&lt;b&gt;dog&lt;/b&gt;" in page
    assert "<b>dog" not in page
    assert page.count("<img") == 1
    for words in ("puppy", "1,200", "0.25", "7 captions", "gone.png", "no photo names it", "dog: puppy"):
        assert words in page


def test_nothing_proposed_is_said():
    page = render_suggestions([], title="Labels", details=DETAILS, file="", opener=opener)
    assert "nothing fits" in page
