"""What every method takes beside its own options, in a real browser: a look, background words, the least instance."""

import json
from pathlib import Path

import pytest

pytest.importorskip("gradio", reason="the app extra is not installed")
pytest.importorskip("playwright", reason="playwright is not installed")
from browser_pages import pick, type_into
from page_of_stub import LOOK, look_at
from playwright.sync_api import Page, expect

# gradio, its server and its client warn about each other's coming versions
pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore")]


@pytest.mark.controls("option-look", "option-words", "option-min-area")
def test_a_look_background_words_and_the_least_instance_act_and_are_recorded(
    page: Page, photos: Path, tmp_path: Path
) -> None:
    """The stub tags the first label, with a look the last one, and none where background words compete."""
    look_at(page, photos / "a.png")
    tags, masks = page.locator("#look-tags b.on"), page.locator("#look-masks svg g")
    expect(tags).to_have_text("dog")
    page.locator("#look-options > button").click()
    pick(page, "option-look", LOOK)
    expect(tags).to_have_text("cat")
    pick(page, "option-words", "voc")
    expect(tags).to_have_count(0)
    pick(page, "option-words", "those of the labels")
    expect(tags).to_have_text("cat")
    page.locator("#option-instances input").check()
    expect(masks).to_have_count(2)
    type_into(page.locator("#option-min-area input"), "60001")  # half the photo has 60,000 pixels
    expect(page.locator("#look-masks")).to_contain_text("No mask")
    page.locator("#option-min-area input").fill("60000")
    expect(masks).to_have_count(2)
    with page.expect_download() as download:
        page.locator("#look-files a[download]").last.click()
    download.value.save_as(tmp_path / "a.json")
    assert json.loads((tmp_path / "a.json").read_text())["chosen"] == {
        "method": "first",
        "look": LOOK,
        "instances": {"min_area": 60000},
    }
    pick(page, "option-look", "none")
    expect(tags).to_have_text("dog")
