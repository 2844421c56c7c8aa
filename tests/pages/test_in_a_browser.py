"""Pages that are written as files, in a real browser: the queue of a run and the suggestions, at any width, light and dark.

Pictures are kept for people to see.
"""

import numpy as np
import pytest

pytest.importorskip("playwright", reason="playwright is not installed")
from axe_scan import grave_faults
from PIL import Image
from playwright.sync_api import expect

from tagalign.pages.labelling import render_labelling
from tagalign.pages.suggestions import render_suggestions
from tagalign.tasks.label_summary import Summary
from tagalign.tasks.suggesting import Proposal

pytestmark = pytest.mark.browser
SCHEMES = ("desktop", "phone", "dark")
DETAILS = [
    ("method", "maskclip, profile fixed"),
    ("model", "openai/clip-vit-base-patch16@" + "57c216476eefef5ab752ec549e440a49ae4ae5f3"),
    ("note", "tiny knows drawn scenes only; for photos use --model openai/clip-vit-base-patch16"),
]
NAMES = (
    "dog",
    "a very long name of a label with many words in it",
    "traffic light",
    "Donaudampfschifffahrtskapitaen" * 2,
)
# relative luminance and contrast as WCAG 2.2 defines them, of every text that is seen, on the first opaque ground below it
CONTRAST = """
() => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = (c) => {
    const linear = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    const [r, g, b] = c.slice(0, 3).map((v) => linear(v / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (one) => {
    for (; one; one = one.parentElement) {
      const c = parse(getComputedStyle(one).backgroundColor);
      if (c.length < 4 || c[3] === 1) return c;
    }
    return [255, 255, 255];
  };
  const texts = [...document.querySelectorAll("body *")].filter((one) =>
    [...one.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim()) && one.offsetParent);
  return Math.min(...texts.map((one) => {
    const [a, b] = [light(parse(getComputedStyle(one).color)), light(ground(one))].sort((x, y) => y - x);
    return (a + 0.05) / (b + 0.05);
  }));
}
"""


def opener(key):
    """A photo of its own for every key, high or wide."""
    rng = np.random.default_rng(sum(key.encode()))
    size = (300, 200) if len(key) % 2 else (200, 300)
    noise = rng.integers(0, 255, (3, 4, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC)


def key(i):
    return f"/home/someone/pictures of a long holiday/2024/day {i}/IMG_{i:05}.jpg"


@pytest.fixture(scope="module")
def suggestions(tmp_path_factory):
    proposals = [
        Proposal(
            name=name,
            aliases=("puppy", "hound", "a dog of some kind") if i == 0 else (),
            weight=9.0 - i,
            photos=1000 - 200 * i,
            score=0.9 - 0.2 * i,
            captions=None,
            examples=tuple((key(10 * i + j), 0.9 - 0.1 * j) for j in range(4)),
        )
        for i, name in enumerate(NAMES)
    ]
    page = render_suggestions(
        proposals, title="Labels of photos", details=DETAILS, file="dog: puppy\nsky\n" * 8, opener=opener
    )
    path = tmp_path_factory.mktemp("suggestions") / "index.html"
    path.write_text(page, encoding="utf-8")
    return path.as_uri()


@pytest.fixture(scope="module")
def queue(tmp_path_factory):
    summary = Summary(kind="tag", names=NAMES)
    for i in range(30):
        scores = [((7 * i + 3 * j) % 10) / 10 for j in range(len(NAMES))]
        tags = [name for name, score in zip(NAMES, scores, strict=True) if score > 0.6]
        summary.add({"key": key(i), "tags": tags, "scores": scores, "errors": i / 10, "margin": 0.1})
    page = render_labelling(summary, title="Tags of photos", details=DETAILS, opener=opener)
    path = tmp_path_factory.mktemp("queue") / "index.html"
    path.write_text(page, encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def address(request):
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("address", ["suggestions", "queue"], indirect=True, ids=str)
def test_a_page_fits_its_window_and_can_be_read(new_page, address, screenshots, scheme, request):
    page = new_page(scheme, address)
    expect(page.locator("h1")).to_be_visible()
    name = request.node.callspec.params["address"]
    page.screenshot(path=str(screenshots / f"page-{name}-{scheme}.png"), full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    # AA of WCAG 2.2 for text of any size
    assert page.evaluate(CONTRAST) >= 4.5
    assert grave_faults(page) == []
    assert page.locator("img").count() > 0
    assert page.locator("img:not([alt])").count() == 0
    # those below the window are not loaded yet; decode() fails for a picture that is none
    page.evaluate(
        "Promise.all([...document.images].map((one) => { one.loading = 'eager'; return one.decode(); }))"
    )
    page.close()


def test_the_label_file_opens_by_keyboard(new_page, suggestions, screenshots):
    page = new_page("phone", suggestions)
    fold = page.locator("details").first
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.tagName") == "SUMMARY":
            break
    page.keyboard.press("Enter")
    expect(fold.locator("pre")).to_be_visible()
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.screenshot(path=str(screenshots / "page-suggestions-phone-open.png"), full_page=True)
    page.close()
