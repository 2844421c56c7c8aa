"""Two methods side by side, in a real browser; the first one of the stub tags the first label, the second one the last."""

from pathlib import Path

import pytest

pytest.importorskip("gradio", reason="the app extra is not installed")
pytest.importorskip("playwright", reason="playwright is not installed")
from browser_pages import pick
from page_of_stub import open_tab
from playwright.sync_api import Page, expect

# gradio, its server and its client warn about each other's coming versions
pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore")]


def legends(page: Page, *texts: str) -> None:
    """Of both sides."""
    for side in (1, 2):
        expect(page.locator(f"#compare-masks-{side} .mask-legend button")).to_have_text(list(texts))


def chosen(page: Page, first: str, second: str) -> None:
    """The tags of both sides."""
    for side, name in ((1, first), (2, second)):
        expect(page.locator(f"#compare-tags-{side} b.on")).to_have_text(name)


@pytest.mark.controls(
    "tab-compare",
    "compare-photo",
    "compare-examples",
    "compare-labels",
    "compare-go",
    "compare-method-1",
    "compare-method-2",
)
def test_two_methods_answer_the_same_photo_and_labels_side_by_side(page: Page, photos: Path) -> None:
    open_tab(page, "Two methods")
    page.click("#compare-go")
    expect(page.locator("#compare-status-1")).to_contain_text("Choose a photo first")
    page.locator("#compare-examples .gallery-item").first.click()
    legends(page, "dog 50 %", "cat 50 %")
    for side in (1, 2):
        expect(page.locator(f"#compare-status-{side}")).to_contain_text("a.png, 400 × 300")
    chosen(page, "dog", "cat")
    labels = page.locator("#compare-labels textarea")
    labels.fill("sky, sea, sand")
    expect(page.locator("#compare-labels-note")).to_contain_text("3 labels")
    legends(page, "dog 50 %", "cat 50 %")  # typing alone asks nothing
    page.click("#compare-go")
    legends(page, "sky 50 %", "sand 50 %")
    chosen(page, "sky", "sand")
    labels.fill("ant, bee")
    labels.press("Enter")
    legends(page, "ant 50 %", "bee 50 %")
    page.locator("#compare-photo button[aria-label='Remove Image']").click()
    page.set_input_files("#compare-photo input[type=file]", str(photos / "b.png"))
    for side in (1, 2):
        expect(page.locator(f"#compare-status-{side}")).to_contain_text("b.png, 400 × 300")
    for side, method, tags in ((1, "second", ("bee", "bee")), (2, "first", ("bee", "ant"))):
        pick(page, f"compare-method-{side}", method)
        chosen(page, *tags)
