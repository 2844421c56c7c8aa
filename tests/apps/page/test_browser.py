"""The page in a real browser; pictures of it are kept in the folder named by TAGALIGN_SCREENSHOTS."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

pytest.importorskip("gradio", reason="the app extra is not installed")
pytest.importorskip("playwright", reason="playwright is not installed")
from playwright.sync_api import Page, expect, sync_playwright

from tagalign.apps.page.page import build_page, launch
from tagalign.apps.page.review import photos_of
from tagalign.apps.page.review_store import ReviewStore
from tagalign.apps.page.studio import Studio
from tagalign.tasks.model import Model
from tagalign.testing.stub_method import StubMethod

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
# gradio, its server and its client warn about each other's coming versions
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
    pytest.mark.filterwarnings("ignore"),
]
WAIT_MS = 60_000


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    for name, color in (("a.png", "red"), ("b.png", "green")):
        Image.new("RGB", (400, 300), color).save(folder / name)
    (folder / "c.jpg").write_text("not an image")
    return folder


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("out")


@pytest.fixture(scope="module")
def address(photos: Path, out: Path) -> Iterator[str]:
    studio = Studio(lambda name: Model(StubMethod()), ["first", "second"])
    store = ReviewStore(photos, photos_of(photos, frozenset({".png", ".jpg"})), out)
    page = build_page(
        studio, model="stub", examples=[str(photos / "a.png")], labels="dog, cat", review=store, notice=True
    )
    _, url, _ = launch(page, host="127.0.0.1", port=0, out=out, wait=False)
    yield url
    page.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(params=["desktop", "phone", "dark"])
def page(request: pytest.FixtureRequest, browser: Any, address: str) -> Iterator[Page]:
    width, height = (390, 844) if request.param == "phone" else (1280, 900)
    scheme = "dark" if request.param == "dark" else "light"
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    page = context.new_page()
    page.set_default_timeout(WAIT_MS)
    expect.set_options(timeout=WAIT_MS)
    page.goto(address)
    expect(page.locator("#review-status")).to_contain_text(" of 3")
    yield page
    if folder := os.environ.get("TAGALIGN_SCREENSHOTS"):
        name = f"{request.node.originalname}-{request.param}.png"
        page.screenshot(path=Path(folder) / name, full_page=True)
    context.close()


def open_tab(page: Page, name: str) -> None:
    tab = page.get_by_role("tab", name=name)
    if not tab.is_visible():  # at phone width the last tabs hide behind a menu
        page.locator(".overflow-menu button").first.click()
        tab = page.get_by_text(name).last
    tab.click()


def look_at(page: Page, photo: Path) -> None:
    open_tab(page, "One photo")
    page.set_input_files("#look-photo input[type=file]", str(photo))
    expect(page.locator("#look-photo img")).to_be_visible()
    page.click("#look-go")


def test_a_photo_gets_tags_masks_and_downloads(page: Page, photos: Path, tmp_path: Path) -> None:
    expect(page.locator("#tiny-notice")).to_contain_text("drawn scenes only")
    look_at(page, photos / "a.png")
    expect(page.locator("#look-status")).to_contain_text("tags and masks of 2 labels")
    expect(page.locator("#look-tags")).to_contain_text("dog")
    expect(page.locator("#look-masks")).to_contain_text("cat 50 %")
    with page.expect_download() as download:
        page.locator("#look-files a[download]").first.click()
    download.value.save_as(tmp_path / "mask.png")
    with Image.open(tmp_path / "mask.png") as mask:
        assert (mask.size, mask.mode) == ((400, 300), "P")


def test_new_labels_and_another_method(page: Page, photos: Path) -> None:
    look_at(page, photos / "a.png")
    expect(page.locator("#look-status")).to_contain_text("of 2 labels")
    labels = page.locator("#look-labels textarea")
    labels.fill("sky, sea, sand")
    page.click("#look-go")
    expect(page.locator("#look-status")).to_contain_text("of 3 labels")
    expect(page.locator("#look-status")).to_contain_text("from memory: 0 ms")
    page.locator("#look-method input").click()
    page.get_by_role("option", name="second").click()
    page.click("#look-go")
    expect(page.locator("#look-tags")).to_contain_text("sea")


def test_the_legend_opens_a_heat_map(page: Page, photos: Path) -> None:
    look_at(page, photos / "a.png")
    page.locator("#look-masks").get_by_text("cat 50 %").click()
    expect(page.locator("#heat-scale")).to_contain_text("cat")
    expect(page.locator("#heat-picture img")).to_be_visible()


def test_a_phrase_and_a_sentence(page: Page, photos: Path) -> None:
    look_at(page, photos / "a.png")
    page.get_by_text("Find what a phrase means").click()
    page.locator("#refer-phrase textarea, #refer-phrase input").fill("the brown dog")
    page.click("#refer-go")
    expect(page.locator("#refer-picture img")).to_be_visible()
    page.get_by_text("Describe the photo").click()
    page.click("#caption-go")
    expect(page.locator("#caption-text")).to_contain_text("a photo")


def test_two_methods_side_by_side(page: Page, photos: Path) -> None:
    open_tab(page, "Two methods")
    page.set_input_files("#compare-photo input[type=file]", str(photos / "b.png"))
    expect(page.locator("#compare-photo img")).to_be_visible()
    page.click("#compare-go")
    expect(page.get_by_text("cat 50 %")).to_have_count(2)


def test_a_broken_file_is_said_and_the_page_lives_on(page: Page, photos: Path) -> None:
    open_tab(page, "One photo")
    page.set_input_files("#look-photo input[type=file]", str(photos / "c.jpg"))
    page.wait_for_timeout(500)
    page.click("#look-go")
    expect(page.get_by_text("not an image that can be read").first).to_be_visible()


def test_a_folder_is_reviewed_with_the_keyboard(page: Page, out: Path) -> None:
    shutil.rmtree(out / "decisions", ignore_errors=True)
    page.reload()
    status = page.locator("#review-status")
    expect(status).to_contain_text("3 open")
    while "1 of 3" not in status.inner_text():
        page.keyboard.press("b")
        page.wait_for_timeout(700)
    expect(page.locator("#review-masks")).to_contain_text("cat 50 %")
    page.locator("#review-masks").get_by_text("dog 50 %").click()
    page.locator("#review-add textarea, #review-add input").fill("ball")
    page.keyboard.press("Enter")
    expect(page.locator("#review-tags")).to_contain_text("ball")
    page.locator("#review-status").click()
    page.keyboard.press("a")
    expect(status).to_contain_text("b.png · 2 of 3")
    expect(status).to_contain_text("1 accepted")
    page.keyboard.press("s")
    expect(status).to_contain_text("not an image that can be read")
    page.click("#review-export")
    expect(page.locator("#review-files")).to_contain_text("accepted.coco.json")
    import json

    data = json.loads((out / "accepted.coco.json").read_text())
    assert [image["file_name"] for image in data["images"]] == ["a.png"]
    names = {row["id"]: row["name"] for row in data["categories"]}
    assert [names[row["category_id"]] for row in data["annotations"]] == ["cat"]
    assert "ball" in (out / "accepted.tags.csv").read_text()
