"""The review in a real browser by mouse: its four buttons, tags, labels, the method; two tabs on one folder."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("gradio", reason="the app extra is not installed")
pytest.importorskip("playwright", reason="playwright is not installed")
from browser_pages import pick, type_into
from playwright.sync_api import Page, expect

# gradio, its server and its client warn about each other's coming versions
pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore")]


def clicks(out: Path) -> list[tuple[str, str, list[str]]]:
    lines = map(json.loads, (out / "review.jsonl").read_text().splitlines())
    return [(one["photo"], one["verdict"], one["tags"]) for one in lines]


@pytest.mark.controls(
    "tab-review",
    "review-accept",
    "review-skip",
    "review-back",
    "review-undo",
    "review-tags",
    "review-masks",
    "review-labels",
    "review-method",
    "review-files",
)
def test_a_folder_is_reviewed_with_the_mouse(page: Page, out: Path, tmp_path: Path) -> None:
    status, tags = page.locator("#review-status"), page.locator("#review-tags")
    expect(status).to_contain_text("a.png · 1 of 3")
    expect(tags.get_by_label("dog")).to_be_checked()
    tags.get_by_label("dog").uncheck()
    tags.get_by_label("cat").check()
    panel = page.locator("#review-photo .mask-legend button")
    expect(panel).to_have_text(["dog 50 %"])
    page.locator("#review-masks").get_by_label("cat 50 %").check()
    expect(panel).to_have_text(["dog 50 %", "cat 50 %"])
    page.click("#review-accept")
    expect(status).to_contain_text("b.png · 2 of 3")
    assert clicks(out) == [("a.png", "accepted", ["cat"])]
    page.click("#review-back")
    expect(status).to_contain_text("a.png · 1 of 3 · accepted before")
    expect(panel).to_have_text(["dog 50 %", "cat 50 %"])
    page.click("#review-skip")
    expect(status).to_contain_text("b.png · 2 of 3")
    expect(status).to_contain_text("1 skipped")
    page.click("#review-undo")
    expect(status).to_contain_text("a.png · 1 of 3 · accepted before")
    expect(status).to_contain_text("1 accepted · 0 skipped")
    page.click("#review-export")
    with page.expect_download() as download:
        page.locator("#review-files a[download]").first.click()
    download.value.save_as(tmp_path / "coco.json")
    assert [one["file_name"] for one in json.loads((tmp_path / "coco.json").read_text())["images"]] == [
        "a.png"
    ]
    page.get_by_text("Labels and method").click()
    labels = page.locator("#review-labels textarea")
    type_into(labels, "sky, sea")
    labels.press("Enter")
    expect(page.locator("#review-masks")).to_contain_text("sea 50 %")
    page.click("#review-undo")
    expect(status).to_contain_text("3 open")
    expect(tags.get_by_label("sky")).to_be_checked()
    pick(page, "review-method", "second")
    expect(tags.get_by_label("sea")).to_be_checked()  # it tags the last label
    expect(tags.get_by_label("sky")).not_to_be_checked()


def test_two_tabs_on_one_folder_do_not_overwrite_each_other(
    page: Page, new_page: Callable[[str, str], Page], stub_address: str, out: Path
) -> None:
    """And each takes back its own decision, also after a reload."""
    mine, other = page.locator("#review-status"), new_page("desktop", stub_address)
    theirs = other.locator("#review-status")
    before = len(clicks(out)) if (out / "review.jsonl").exists() else 0
    for status in (mine, theirs):
        expect(status).to_contain_text("a.png · 1 of 3")
    page.keyboard.press("s")
    expect(mine).to_contain_text("b.png · 2 of 3")
    other.keyboard.press("a")
    expect(theirs).to_contain_text("somebody else decided meanwhile")
    expect(theirs).to_contain_text("skipped before")
    assert len(clicks(out)) == before + 1
    other.keyboard.press("z")
    expect(other.get_by_text("nothing was decided in this tab").first).to_be_visible()
    page.reload()
    expect(mine).to_contain_text("b.png · 2 of 3")
    page.keyboard.press("z")
    expect(mine).to_contain_text("a.png · 1 of 3")
    expect(mine).to_contain_text("3 open")
    other.close()
