"""The page of a labelling run: counts, doubts, photos that cannot be opened, names of any kind."""

from html.parser import HTMLParser

import pytest
from PIL import Image

from tagalign.errors import ImageError
from tagalign.pages.labelling import render_labelling
from tagalign.tasks.label_summary import Summary


class Words(HTMLParser):
    """The text that a reader sees."""

    def __init__(self, page):
        super().__init__()
        self.words = []
        self.feed(page)

    def handle_data(self, data):
        self.words.append(data)


def no_photo(key):
    raise ImageError(f"{key}: gone")


def summary(key="a.png", tags=("dog",)):
    found = Summary(kind="tag", names=("<b>dog</b>", "dog"))
    found.add({"key": key, "tags": list(tags), "scores": [0.5, 0.9], "margin": 0.1})
    return found


def test_names_keys_title_and_details_are_escaped():
    found = summary("<script>.png", ["<b>dog</b>"])
    page = render_labelling(found, title="<i>", details=[("a", "<u>")], opener=no_photo)
    for word in ("<script>", "<b>dog", "<u>", "<i>"):
        assert word not in page
    assert "&lt;b&gt;dog" in page
    assert "<script>.png" in "".join(Words(page).words)


def test_a_photo_that_is_gone_leaves_its_name():
    page = render_labelling(summary(), title="t", details=[], opener=no_photo)
    assert "<img" not in page
    assert "a.png" in page


def test_a_photo_is_a_small_picture_inside_the_page():
    page = render_labelling(summary(), title="t", details=[], opener=lambda key: Image.new("RGB", (900, 300)))
    assert page.count('<img src="data:image/jpeg;base64,') == 1
    assert len(page) < 20_000


@pytest.mark.parametrize("key", ["caf\udce9.jpg", "\ud83d.png"])
def test_a_file_name_that_is_no_text_can_be_written(key, tmp_path):
    page = render_labelling(summary(key), title=key, details=[], opener=no_photo)
    (tmp_path / "index.html").write_text(page, encoding="utf-8")
